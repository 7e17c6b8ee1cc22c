"""Restore an array from any source, with a mask of one's own.

python examples/arrays.py
"""

import numpy as np

import unfade

rng = np.random.default_rng(1)
picture = np.tile(np.linspace(0, 65535, 200, dtype=np.uint16), (160, 1))[:, :, None]
picture = np.repeat(picture, 3, axis=2)
mask = np.zeros(picture.shape[:2], bool)
mask[70:76, 20:180] = True
damaged = picture.copy()
damaged[mask] = 65535

result = unfade.restore(damaged, mask=mask)
error = np.abs(result.picture.samples.astype(float) - picture)[mask].mean() / 65535
print(f"mean error in the mended place: {error:.4f} of full scale")
print(
    "every sample outside the mask is untouched:",
    np.array_equal(result.picture.samples[~mask], damaged[~mask]),
)
