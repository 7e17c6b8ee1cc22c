"""Findings about the whole of a picture: tone, noise, fading, sharpness, clipping; faces; marks."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding, Mark, MarkKind
from unfade.picture import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone(Finding):
    """Grey, toned (sepia, cyanotype, selenium) or colour."""

    kind: str = "unknown"  # "grey", "toned", "colour", "unknown"
    hue_degrees: float | None = None  # of the tone
    chroma: float = 0.0  # median CIELAB chroma
    chroma_spread: float = 0.0  # how far chroma strays from one tone curve, CIELAB units


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(Finding):
    """Noise or grain: its strength in pixel units (0-1) and its size."""

    sigma: float | None = None  # standard deviation at mid grey, of the luminance
    sigma_channels: tuple[float, ...] = ()
    correlation_px: float | None = None  # 1/e width of the autocorrelation: below 0.7 is white
    grain: bool | None = None  # correlated and signal-dependent as film is


@dataclass(frozen=True, slots=True, kw_only=True)
class Fade(Finding):
    """Loss of dye or silver: the density range that is left."""

    faded: bool | None = None
    density_low: tuple[float, ...] = ()  # per channel, 0.5 % point of optical density
    density_high: tuple[float, ...] = ()  # per channel, 99.5 % point
    contrast_share: float | None = None  # used range over full range, 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Finding):
    """A colour that lies over everything, in CIELAB a*, b* of what should be neutral.

    Attributes:
        methods: name, a*, b* of each way to measure it, those that disagree too
        border: a*, b* of a print's white border, where there surely is one
    """

    a: float | None = None
    b: float | None = None
    methods: tuple[tuple[str, float, float], ...] = ()
    border: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks(Finding):
    """Dust, hairs and scratches, each an item.

    Attributes:
        seconded_by: the network that had a say in them; empty: none had
        hindered: why that network could not be run; empty: it could, or need not
    """

    items: tuple[Mark, ...] = ()
    area_share: float = 0.0
    size_mm: tuple[float, ...] = ()  # longest extent of each item when dpi is known
    seconded_by: str = ""
    hindered: str = ""

    def of_kind(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.items if mark.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness(Finding):
    """How much detail there is: variance of the Laplacian and the blur of its sharpest edges."""

    laplacian_variance: float | None = None  # pixel units squared x 1e4
    edge_width_px: float | None = None  # 10-90 % rise of the sharpest edges
    blurred: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping(Finding):
    """Share of pixels at the ends of the scale, per channel, and how much of it is used."""

    black_share: tuple[float, ...] = ()
    white_share: tuple[float, ...] = ()
    used_scale_share: float | None = None  # highest code over full scale: 12 bits in 16 show 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face: box in pixels, eye distance where known, how sure.

    Attributes:
        landmarks: x, y in pixels of the eye at the left, the eye at the right and, where they were
            found, the nose and the corners of the mouth, left and right
    """

    window: Window
    confidence: float
    eye_distance_px: float | None = None
    landmarks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces(Finding):
    """Faces, left to right; ``detector`` names which eyes were used."""

    faces: tuple[Face, ...] = ()
    detector: str = ""
