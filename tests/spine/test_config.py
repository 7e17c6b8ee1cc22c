"""Settings of the machine: where each value comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfade.config import Config, load_config, parse_bytes
from unfade.errors import SettingsError


def test_call_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "unfade.toml"
    file.write_text('memory = "1GB"\nthreads = 3\npolicy = "museum"\n')
    environ = {"UNFADE_CONFIG": str(file), "UNFADE_THREADS": "2", "UNFADE_POLICY": "archive"}
    sourced = load_config({"policy": "free", "device": None}, environ)
    assert sourced.config == Config(memory="1GB", threads=2, policy="free")
    assert sourced.origins["memory"] == str(file)
    assert sourced.origins["threads"] == "environment UNFADE_THREADS"
    assert sourced.origins["policy"] == "given"
    assert sourced.origins["device"] == "default"


def test_an_unknown_setting_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "unfade.toml"
    file.write_text("thread = 3\n")
    with pytest.raises(SettingsError, match="Did you mean `threads`"):
        load_config(environ={"UNFADE_CONFIG": str(file)})


@pytest.mark.parametrize("text", ["threads = 'many'", "threads = [1]", "offline = 3", "not toml"])
def test_wrong_values_are_errors(tmp_path: Path, text: str) -> None:
    file = tmp_path / "unfade.toml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load_config(environ={"UNFADE_CONFIG": str(file)})


@pytest.mark.parametrize(
    ("text", "number"),
    [("2GB", 2_000_000_000), ("512 MiB", 536_870_912), ("1000000", 1_000_000), ("1.5g", 1.5e9)],
)
def test_amounts_of_memory(text: str, number: int) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "2XB"])
def test_no_amount_of_memory(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_bytes(text)
