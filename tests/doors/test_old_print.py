"""The recipe for an old print with all it has suffered, by the networks that come along."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

import unfade
from unfade.degrade import degrade
from unfade.errors import UsageError
from unfade.evaluate.psnr import peak_signal_to_noise
from unfade.record import Evidence

SOUND = np.ascontiguousarray(data.astronaut()[::2, ::2], np.float32) / 255


def codes(pixels: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def test_prints_come_out_nearer_to_what_they_were() -> None:
    gained = []
    for seed in range(4):
        hurt = codes(degrade(SOUND, recipe="old-photo", seed=seed).pixels)
        result = unfade.restore(hurt, recipe="old-print")
        before = peak_signal_to_noise(hurt / np.float32(255), SOUND)
        gained.append(float(peak_signal_to_noise(result.picture.pixels, SOUND) - before))
        steps = {step.step: step.evidence for step in result.record.steps}
        assert steps["correct_fading"] == Evidence.ADJUSTED
        assert steps["denoise"] == Evidence.ESTIMATED
    assert min(gained) > -1 and np.mean(gained) > 2


def test_it_needs_its_networks() -> None:
    with pytest.raises(UsageError, match="mend_wear"):
        unfade.restore(codes(SOUND), recipe="old-print", only_classical=True)
