"""Between stored codes and density: the two domains in which damage acts.

Codes are sRGB, 0-1. The density domain holds the natural logarithm of linear light, which is
-2.3026 times the optical density: what dyes, stains and filters add there simply adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.degrade.arrays import Array, like, namespace, pointwise

LEAST_LIGHT = 1e-5  # density 5: darker than any print; codes below 0.00013 rise to it
LN10 = float(np.log(10.0))
_KNEE = 0.0031308
_LN_KNEE = float(np.log(_KNEE))


def to_density(x: Array) -> Array:
    """Log light of a batch of codes; on the host in place."""
    return pointwise(x, lambda part, _: log_light(part))


def to_codes(x: Array) -> Array:
    """Codes of a batch of log light, at least 0; on the host in place."""
    return pointwise(x, lambda part, _: codes_of(part))


def log_light(codes: Array) -> Array:
    """Natural logarithm of the linear light of sRGB codes (IEC 61966-2-1)."""
    xp = namespace(codes)
    curved = codes > 0.04045
    base = xp.where(curved, (codes + 0.055) * (1 / 1.055), codes * (1 / 12.92))
    logs = xp.log(xp.clip(base, LEAST_LIGHT, None))
    return logs * xp.where(curved, like(2.4, codes), like(1.0, codes))


def codes_of(logs: Array) -> Array:
    """sRGB codes of natural logarithms of linear light."""
    xp = namespace(logs)
    curved = logs > _LN_KNEE
    power = xp.exp(logs * xp.where(curved, like(1 / 2.4, logs), like(1.0, logs)))
    return xp.where(curved, power * 1.055 - 0.055, power * 12.92)


def layers_changed(
    x: Array, matrices: Sequence[np.ndarray], offsets: Sequence[np.ndarray]
) -> Array:
    """Mix the channels of log light: ``x -> matrix @ x + offset``, each picture by its own.

    Args:
        x: (n, c, h, w) log light
        matrices: n arrays (c, c); offsets: n arrays (c,)
    """
    count, channels = x.shape[0], x.shape[1]
    mix = like(np.stack(matrices), x).reshape(count, channels, channels, 1, 1)
    add = like(np.stack(offsets), x).reshape(count, channels, 1, 1)
    diagonal = all(np.count_nonzero(m - np.diag(np.diagonal(m))) == 0 for m in matrices)

    def change(part: Array, _: slice) -> Array:
        if diagonal:
            own = np.stack([np.diagonal(m) for m in matrices])
            return part * like(own, x).reshape(count, channels, 1, 1) + add
        out = [
            sum(part[:, j] * mix[:, i, j] for j in range(channels)) + add[:, i]
            for i in range(channels)
        ]
        return namespace(part).stack(out, 1)

    return pointwise(x, change)
