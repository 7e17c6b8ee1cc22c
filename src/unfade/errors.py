"""Everything that can go wrong, as one tree.

    UnfadeError                exit 1   http 500   something unexpected
    ├── UsageError             exit 2   http 400   the request contradicts itself
    │   ├── RecipeError        exit 2   http 422   a recipe cannot be read
    │   ├── PolicyError        exit 2   http 422   the policy forbids what was asked for
    │   └── SettingsError      exit 2   http 422   a setting is out of its range
    ├── InputRefused           exit 3   http 422   this file cannot be treated
    │   ├── UnreadableInput    exit 3   http 422   damaged, empty or truncated
    │   ├── UnsupportedInput   exit 3   http 415   a kind of file or pixel that is not handled
    │   ├── LimitExceeded      exit 3   http 413   larger than a limit allows
    │   ├── ContentFlagged     exit 3   http 422   a generator's own content filter stepped in
    │   └── WouldLose          exit 3   http 422   writing would lose something the original has
    ├── PartlyFailed           exit 4   http 207   some of several inputs failed
    ├── ModelMissing           exit 5   http 503   weights or an optional package are not there
    │   ├── MissingPackage     exit 5   http 503
    │   ├── NoSuchNetwork      exit 5   http 503   a name that no catalogue knows
    │   └── ModelRejected      exit 5   http 503   weights that fail their check
    ├── OutOfResources         exit 6   http 507   memory or time limit
    ├── OutputError            exit 7   http 507   the result cannot be written
    ├── PromiseBroken          exit 8   http 500   a step broke what it promised: a bug
    ├── Unreachable            exit 9   http 504   a store or a service does not answer
    ├── WorkerLost             exit 1   http 500   the process that worked on it has died
    └── Cancelled              exit 130 http 499   stopped by the user

A message is two sentences: what was found, with value and place, against what was expected;
then what the reader can do. Exit codes and HTTP statuses are stable.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnfadeError(Exception):
    """Base of all errors that unfade raises on purpose."""

    exit_code = 1
    http_status = 500

    def __init__(self, found: str, remedy: str = "") -> None:
        self.found = found.rstrip()
        self.remedy = remedy.strip()
        super().__init__(f"{self.found} {self.remedy}".strip())

    @property
    def code(self) -> str:
        """Stable name for programs, e.g. ``unreadable-input``."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class UsageError(UnfadeError):
    exit_code = 2
    http_status = 400


class RecipeError(UsageError):
    http_status = 422


class PolicyError(UsageError):
    http_status = 422


class SettingsError(UsageError):
    http_status = 422


class InputRefused(UnfadeError):
    exit_code = 3
    http_status = 422


class UnreadableInput(InputRefused):
    pass


class UnsupportedInput(InputRefused):
    http_status = 415


class LimitExceeded(InputRefused):
    http_status = 413


class WouldLose(InputRefused):
    pass


class ContentFlagged(InputRefused):
    pass


class PartlyFailed(UnfadeError):
    exit_code = 4
    http_status = 207


class ModelMissing(UnfadeError):
    exit_code = 5
    http_status = 503


class MissingPackage(ModelMissing):
    pass


class NoSuchNetwork(ModelMissing):
    pass


class ModelRejected(ModelMissing):
    pass


class OutOfResources(UnfadeError):
    exit_code = 6
    http_status = 507


class OutputError(UnfadeError):
    exit_code = 7
    http_status = 507


class PromiseBroken(UnfadeError):
    exit_code = 8


class Unreachable(UnfadeError):
    exit_code = 9
    http_status = 504


class WorkerLost(UnfadeError):
    pass


class Cancelled(UnfadeError):
    exit_code = 130
    http_status = 499


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Second sentence for an unknown name: the nearest known one, then all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    return f"{hint}Known: {', '.join(f'`{name}`' for name in names)}."
