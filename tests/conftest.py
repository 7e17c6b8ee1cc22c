"""What all tests share: the array contract is checked on every call, and runs are quiet."""

from __future__ import annotations

import contract_hook

contract_hook.install()
