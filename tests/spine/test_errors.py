"""The tree of errors is as its docstring draws it."""

from __future__ import annotations

import inspect
import re

from unfade import errors


def test_the_drawn_tree_is_the_real_tree() -> None:
    drawn = {
        name: (int(exit_code), int(status))
        for name, exit_code, status in re.findall(
            r"(\w+)\s+exit (\d+)\s+http (\d+)", errors.__doc__ or ""
        )
    }
    real = {
        name: (kind.exit_code, kind.http_status)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.UnfadeError)
    }
    assert drawn == real


def test_a_message_is_two_sentences() -> None:
    error = errors.LimitExceeded("It is 9.", "Make it 8.")
    assert str(error) == "It is 9. Make it 8."
    assert error.code == "limit-exceeded"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    text = errors.nearest("strenght", ["strength", "sigma"])
    assert text.startswith("Did you mean `strength`?")
    assert "`sigma`" in text


def test_a_name_like_no_other_gets_the_list_only() -> None:
    assert errors.nearest("zzz", ["a", "b"]) == "Known: `a`, `b`."
