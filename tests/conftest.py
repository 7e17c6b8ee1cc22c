"""What all tests share: the array contract is checked on every call, and runs are quiet."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are shared already: no more threads than them
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import contract_hook

contract_hook.install()
