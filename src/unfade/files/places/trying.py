"""Trying again: with growing waits, and chance in them, so that many do not come back at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 20.0
# Waits do not touch any result, so their chance needs no seed
_chance = random.SystemRandom()


def tried(
    call: Callable[[], R],
    *,
    tries: int,
    worth: Callable[[BaseException], bool],
    wait: Callable[[float], None] = time.sleep,
) -> R:
    """What ``call`` returns, calling up to ``tries`` times while its errors are ``worth`` it.

    Waits before each further try are drawn from 0 to a bound that doubles ("full jitter",
    Brooker 2015).
    """
    bound = FIRST_WAIT_S
    for _ in range(max(1, tries) - 1):
        try:
            return call()
        except Exception as error:
            if not worth(error):
                raise
        wait(_chance.uniform(0, bound))
        bound = min(LONGEST_WAIT_S, bound * 2)
    return call()
