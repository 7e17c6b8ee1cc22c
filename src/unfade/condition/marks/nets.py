"""Small nets that turn measurements into log odds: one hidden layer, plain constants."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Measurements -> log odds: ``top @ tanh(hidden @ standardised + bias) + shift``.

    Attributes:
        mean, spread: (inputs,) of the measurements that it was fitted on
        hidden: (inputs, units); bias: (units,)
        top: (units,); shift: scalar
    """

    mean: np.ndarray
    spread: np.ndarray
    hidden: np.ndarray
    bias: np.ndarray
    top: np.ndarray
    shift: float

    def odds(self, measured: np.ndarray) -> np.ndarray:
        """Log odds (rows,) for measurements (rows, inputs). Far values are clipped to 5 spreads."""
        standard = (measured - self.mean) / self.spread
        np.clip(standard, -5, 5, out=standard)
        odds: np.ndarray = np.tanh(standard @ self.hidden + self.bias) @ self.top + self.shift
        return odds

    def packed(self) -> str:
        """All numbers as float32 in one text, for ``unpack``."""
        parts = (self.mean, self.spread, self.hidden.ravel(), self.bias, self.top, [self.shift])
        return base64.b85encode(np.concatenate(parts).astype("<f4").tobytes()).decode()


def unpack(inputs: int, text: str) -> Net:
    """The net that ``Net.packed`` wrote."""
    numbers = np.frombuffer(base64.b85decode(text), "<f4").astype(np.float32)
    units = (len(numbers) - 2 * inputs - 1) // (inputs + 2)
    sizes = (inputs, inputs, inputs * units, units, units, 1)
    if sum(sizes) != len(numbers):
        raise ValueError(f"{len(numbers)} numbers do not make a net with {inputs} inputs")
    mean, spread, hidden, bias, top, shift = np.split(numbers, np.cumsum(sizes)[:-1])
    return Net(mean, spread, hidden.reshape(inputs, units), bias, top, float(shift[0]))
