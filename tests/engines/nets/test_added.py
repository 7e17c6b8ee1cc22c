"""A colour network that the user adds goes the whole way, under its own name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

import unfade
from unfade.engines.adding import add_network
from unfade.engines.bench import Bench
from unfade.engines.nets.ddcolor import opening
from unfade.engines.nets.ddcolor.network import DDColor, Size
from unfade.pixels.luminance import Luminance

COMPACT = Size(depths=(1, 1, 1, 1), widths=(8, 16, 32, 64), layers=1)


def test_a_checkpoint_of_ddcolor_is_added_and_colours_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(opening.SIZES, "compact", COMPACT)
    torch.manual_seed(6)
    network = DDColor(COMPACT)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 3, 32, 32))
        network.refine_net[0][0].bias.copy_(torch.tensor([30.0, -20.0]))  # type: ignore[index]
    torch.save({"params": network.state_dict()}, tmp_path / "ddcolor_own.pth")
    entry = add_network(tmp_path / "ddcolor_own.pth", name="my-colours", pickled=True)
    assert (entry.shape, entry.task, entry.evidence) == ("colour", "colorize", 4)
    grey = np.ascontiguousarray(data.camera()[100:180, 200:300, None])
    with Bench(threads=1, device="cpu") as bench:
        result = unfade.restore(
            grey, only=["colorize"], bench=bench,
            settings={"colorize": {"method": "my-colours", "size_px": 256}},
        )  # fmt: skip
    samples = result.picture.samples
    assert np.array_equal(Luminance(result.picture).codes(samples), grey[:, :, 0])
    assert result.record.steps[0].model["name"] == "my-colours"
    assert result.record.steps[0].model["runtime"] == "torch on cpu"
    red, green = samples[..., 0].astype(int), samples[..., 1].astype(int)
    assert (red - green).mean() > 5
