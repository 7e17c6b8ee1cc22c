"""Random fields: their distribution, their independence, and that a part is a part."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unfade.degrade.fields import normal, uniform

ANY = np.zeros((1, 1, 1, 1), np.float32)


def test_moments_of_the_normal_field() -> None:
    field = normal(ANY, [11], (1, 1500, 1501))[0].astype(np.float64)
    assert abs(field.mean()) < 0.003
    assert field.std() == pytest.approx(1, abs=0.003)
    assert ((field / field.std()) ** 4).mean() == pytest.approx(3, abs=0.03)
    assert 4 < np.abs(field).max() < 4.5


def test_neighbours_seeds_and_channels_are_strangers() -> None:
    fields = normal(ANY, [1, 2, 3], (3, 512, 512)).reshape(9, 512, 512).astype(np.float64)
    flat = fields.reshape(9, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(9)).max() < 0.01
    for down, right in ((0, 1), (1, 0), (1, 1), (0, 2), (16, 0)):
        moved = np.roll(fields[0], (down, right), (0, 1))
        assert abs((fields[0] * moved).mean()) < 0.01
    # another seed is not the same sequence, shifted
    spectra = [np.fft.rfft(row) for row in flat[[0, 3]]]
    shifted = np.fft.irfft(spectra[0] * np.conj(spectra[1])) / flat.shape[1]
    assert np.abs(shifted).max() < 0.012


def test_uniform_fills_its_range_evenly() -> None:
    field = uniform(ANY, [5], (1, 1000, 1000)).ravel()
    counts = np.histogram(field, bins=20, range=(0, 1))[0]
    assert np.abs(counts / 50_000 - 1).max() < 0.02


@pytest.mark.parametrize("wide", [7, 64])
def test_rows_of_a_field_are_the_fields_rows(wide: int) -> None:
    whole = normal(ANY, [9], (3, 21, wide))
    for rows in (slice(0, 21), slice(3, 8), slice(20, 21)):
        assert np.array_equal(normal(ANY, [9], (3, 21, wide), rows), whole[:, :, rows])


def test_torch_draws_the_same_numbers() -> None:
    host = normal(ANY, [4, 2**62], (3, 33, 35))
    device = normal(torch.zeros(1), [4, 2**62], (3, 33, 35))
    assert np.array_equal(host, device.numpy())
