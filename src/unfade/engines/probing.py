"""Measures what a network is: scale, channels, alignment, how far it looks, whether tiles agree.

A user's checkpoint comes without facts, and what its file says of itself is not believed: the
network is run on a fixed picture, whole and in parts, and the results are compared.

* *multiple_of*: the smallest of 1, 2, 4 ... 64 by which the picture can be shifted without
  changing the result other than by the shift (strides, windows of attention);
* *halo*: the smallest margin with which a tile gives what the whole gives, within 1/255;
  *reach*: the same within 1e-5, as pieces of a tile need it;
* *tiling*: "yes" when such a margin was found, else "blend".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.engines.stages import single
from unfade.engines.torch_net import ALIGNMENTS, DIALS, TorchNet
from unfade.engines.torch_run import probe_picture
from unfade.errors import ModelRejected

SHIFTS = (1, 2, 4, 8, 16, 32, 64)
MARGINS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
CORE_PX = 32
SAME_SHIFTED = 1e-3  # of full scale; a stride that is not respected gives far more
SAME_TILE = 1.0 / 255
SAME_BITS = 1e-5
BLEND_HALO_PX = 64
TILE_BYTES = 1_800_000_000  # a tile's peak, so that the default memory of 2 GB is enough
MOST_TILE_PX = 1024
FACE_PX = 512  # of all networks for faces that spandrel knows
ProgressCall = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Facts of a network, as measured; see ``ModelFacts``."""

    architecture: str
    shape: str
    scale: int
    channels_in: int
    channels_out: int
    multiple_of: int
    minimum_px: int
    halo_px: int
    reach_px: int
    tile_px: int
    tiling: str
    bytes_per_pixel: int
    dials: tuple[str, ...]
    alignment: str = ""


def measure(
    found: Any, *, threads: int = 1, progress: ProgressCall | None = None, face_px: int = FACE_PX
) -> Measured:
    """Run a network that spandrel has opened on a fixed picture, and state its facts.

    Args:
        found: see ``unfade.engines.checkpoint.describe``
        face_px: networks for faces: side of the square that they were trained on
    Raises:
        ModelRejected: it takes or gives what no step can use; the finding is named
    Cost:
        about a dozen calls on pictures of up to 300 x 300 pixels: seconds to minutes
    """
    architecture, purpose = str(found.architecture.id), str(found.purpose)
    needs = found.size_requirements
    stated = int(needs.multiple_of or 1)
    least = max(int(needs.minimum or 1), 1)
    common: dict[str, Any] = {
        "architecture": architecture,
        "channels_in": int(found.input_channels),
        "channels_out": int(found.output_channels),
        "dials": DIALS.get(architecture, ()),
        "minimum_px": least,
    }
    if found.input_channels not in (1, 3) or found.output_channels != found.input_channels:
        raise ModelRejected(
            f"The network takes {found.input_channels} channels and gives "
            f"{found.output_channels}; steps here work with 1 or 3, as many out as in.",
            "It cannot be used as it is.",
        )
    if purpose == "Inpainting":
        return Measured(
            shape="fill", scale=1, multiple_of=stated, halo_px=0, reach_px=0,
            tile_px=max(512, least), tiling="whole" if needs.square else "yes",
            bytes_per_pixel=_bytes_per_pixel(found, max(stated, least, 64), fill=True),
            **common,
        )  # fmt: skip
    if purpose == "FaceSR":
        return Measured(
            shape="mend", scale=_scale(found, face_px), multiple_of=face_px, halo_px=0,
            reach_px=0, tile_px=face_px, tiling="whole",
            bytes_per_pixel=_bytes_per_pixel(found, face_px),
            alignment=ALIGNMENTS.get(architecture, ""), **(common | {"minimum_px": face_px}),
        )  # fmt: skip
    probe = _Probe(found, stated, least, threads, progress)
    unit = probe.alignment()
    scale = _scale(found, probe.fitting(64))
    halo, reach = probe.margins(unit, scale)
    # How far a network looks depends on the picture, so that what was found on one is doubled,
    # though not beyond where nothing changes any more.
    reach = -(-(reach * 5 // 4) // unit) * unit
    halo_px = min(2 * halo, reach or 2 * halo) if halo else max(BLEND_HALO_PX, 2 * unit)
    each = _bytes_per_pixel(found, probe.fitting(128))
    side = min(MOST_TILE_PX, int((TILE_BYTES / each) ** 0.5))
    core = max(unit, (side - 2 * halo_px) // unit * unit)
    return Measured(
        shape="mend", scale=scale, multiple_of=unit, halo_px=halo_px,
        reach_px=reach, tile_px=core + 2 * halo_px,
        tiling="yes" if halo else "blend", bytes_per_pixel=each, **common,
    )  # fmt: skip


class _Probe:
    """The network on parts of one fixed picture."""

    def __init__(
        self, found: Any, stated: int, least: int, threads: int, progress: ProgressCall | None
    ) -> None:
        self.net = TorchNet(found, threads=threads)
        self.channels = int(found.input_channels)
        self.stated, self.least = stated, least
        self.progress = progress
        self.done = 0
        self.picture = probe_picture(2 * MARGINS[-1] + CORE_PX + 2 * SHIFTS[-1], self.channels)

    def fitting(self, side: int) -> int:
        """The next side that the network says it takes."""
        return max(-(-self.least // self.stated), -(-side // self.stated)) * self.stated

    def run(self, image_chw: np.ndarray) -> np.ndarray:
        """The result for a part of the picture, padded as the tiles are."""
        rows, cols = image_chw.shape[1:]
        pads = ((0, 0), (0, self.fitting(rows) - rows), (0, self.fitting(cols) - cols))
        padded = np.pad(image_chw, pads, mode="reflect")
        result = self.net.run(single(0)[0], [padded])[0]
        if not np.isfinite(result).all():
            raise ModelRejected("The network gives values that are no numbers on a plain picture.")
        scale = result.shape[1] // padded.shape[1]
        self.done += 1
        if self.progress is not None:
            self.progress("Measuring the network", self.done, len(MARGINS) + len(SHIFTS) + 4)
        return result[:, : rows * scale, : cols * scale]

    def alignment(self) -> int:
        """The smallest shift that is only a shift; at least what the network itself asks for."""
        side = self.fitting(192)
        whole = self.run(self.picture[:, :side, :side])
        scale = whole.shape[1] // side
        inside = slice(80 * scale, 112 * scale)
        for shift in SHIFTS:
            if shift % self.stated:
                continue
            part = self.run(self.picture[:, shift : shift + side, shift : shift + side])
            moved = slice((80 - shift) * scale, (112 - shift) * scale)
            if np.abs(part[:, moved, moved] - whole[:, inside, inside]).max() < SAME_SHIFTED:
                return shift
        return max(self.stated, 16)  # statistics of the whole hide the stride: a usual one

    def margins(self, unit: int, scale: int) -> tuple[int, int]:
        """Halo and reach in pixels; 0 where no margin was wide enough."""
        side = -(-(2 * MARGINS[-1] + CORE_PX) // unit) * unit
        core = max(CORE_PX, unit)
        at = (side - core) // 2 // unit * unit
        whole = self.run(self.picture[:, :side, :side])
        halo = reach = 0
        for margin in MARGINS:
            margin = -(-margin // unit) * unit
            start, stop = at - margin, at + core + margin
            if start < 0 or stop > side:
                break
            part = self.run(self.picture[:, start:stop, start:stop])
            inner = part[:, margin * scale : (margin + core) * scale]
            inner = inner[:, :, margin * scale : (margin + core) * scale]
            exact = whole[:, at * scale : (at + core) * scale, at * scale : (at + core) * scale]
            difference = float(np.abs(inner - exact).max())
            if difference < SAME_TILE and not halo:
                halo = margin
            if difference < SAME_BITS:
                reach = margin
                break
        return halo, reach


def _scale(found: Any, side: int) -> int:
    net = TorchNet(found, threads=1)
    result = net.run(single(0)[0], [probe_picture(side, int(found.input_channels))])[0]
    factor = result.shape[1] / side
    if factor != int(factor) or result.shape[1] != result.shape[2]:
        raise ModelRejected(
            f"The network makes {result.shape[1]} x {result.shape[2]} of {side} x {side} pixels.",
            "Only whole factors can be used.",
        )
    return int(factor)


def _bytes_per_pixel(found: Any, side: int, *, fill: bool = False) -> int:
    """Peak memory for each pixel of a tile: what the widest layer reads and writes, twice."""
    most = [0]

    def watch(module: Any, inputs: Any, output: Any) -> None:
        sizes = [t.numel() for t in (*inputs, output) if hasattr(t, "numel")]
        most[0] = max(most[0], sum(sizes))

    hooks = [
        m.register_forward_hook(watch) for m in found.model.modules() if not list(m.children())
    ]
    try:
        net = TorchNet(found, threads=1)
        image = probe_picture(side, int(found.input_channels))
        if fill:
            net.fill(image, np.zeros((1, side, side), np.float32))
        else:
            net.run(single(0)[0], [image])
    finally:
        for hook in hooks:
            hook.remove()
    return max(64, 2 * 4 * most[0] // side**2)
