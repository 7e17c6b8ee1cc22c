"""A damaged photograph on disk, and the program called as people call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unfade.cli import main
from unfade.cli.demo import damage


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def unfade(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """The command line in this process: ``unfade("restore", path)``."""
    monkeypatch.setenv("UNFADE_CONFIG", str(tmp_path / "no-settings.toml"))

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 1, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def damaged_samples() -> np.ndarray:
    from skimage import data

    return damage(data.astronaut())[0]


@pytest.fixture
def damaged(tmp_path: Path, damaged_samples: np.ndarray) -> Path:
    path = tmp_path / "scan.png"
    Image.fromarray(damaged_samples).save(path)
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    from skimage import data

    path = tmp_path / "sound.png"
    Image.fromarray(data.astronaut()).save(path)
    return path
