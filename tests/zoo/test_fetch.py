"""Getting weights from a server that misbehaves."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import Served

from unfade.errors import MissingPackage, ModelMissing, ModelRejected, OutputError
from unfade.zoo import catalogue, fetch, store
from unfade.zoo.catalogue import Entry, FileEntry

CONTENT = np.random.default_rng(5).bytes(700_001)
NAME = "net"


def entry(url: str, content: bytes = CONTENT, **changes: Any) -> Entry:
    file = {
        "role": "weights", "path": "net.bin", "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "urls": (url,),
    } | changes  # fmt: skip
    return Entry(
        name=NAME, about="a net", task="upscale", format="pth", shape="mend", licence="MIT",
        paper="none", card="realesrgan.md", files=(FileEntry(**file),),
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[Served]:
    with Served(CONTENT) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_everywhere(monkeypatch.setattr, entry(server.url))
    return tmp_path / "weights"


def use_everywhere(set_attribute: Callable[..., None], known: Entry) -> None:
    """Make ``known`` the only network of the catalogue."""
    for module in (fetch, store, catalogue):
        set_attribute(module, "find", lambda name: known)


def test_decide() -> None:
    file = entry("https://x").files[0]
    assert store.decide(None, file) == "fetch"
    assert store.decide((file.bytes, file.sha256), file) == "have"
    assert store.decide((file.bytes, "0" * 64), file) == "replace"
    assert store.decide((1, file.sha256), file) == "replace"


def test_a_file_arrives_whole_and_is_not_fetched_again(server: Served, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    (path,) = fetch.fetch(NAME, cache=str(folder), progress=lambda s, d, t: seen.append((d, t)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert fetch.fetch(NAME, cache=str(folder)) == [path]
    assert len(server.asked) == 1
    assert [p.name for p in folder.iterdir()] == ["net.bin"]
    assert store.files(NAME, cache=str(folder)) == {"weights": path}
    assert [c.state for c in store.verify(NAME, cache=str(folder))] == ["good"]


def test_an_interrupted_connection_is_continued(server: Served, folder: Path) -> None:
    server.cut = [300_000, 200_000]
    (path,) = fetch.fetch(NAME, cache=str(folder))
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_run_that_gave_up_is_continued_by_the_next(server: Served, folder: Path) -> None:
    server.cut = [100_000] * 3
    with pytest.raises(ModelMissing, match="could not be fetched"):
        fetch.fetch(NAME, cache=str(folder))
    assert not (folder / "net.bin").exists()
    (path,) = fetch.fetch(NAME, cache=str(folder))
    assert path.read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"


def test_a_server_without_ranges_starts_over(server: Served, folder: Path) -> None:
    server.cut, server.ranges = [300_000], False
    (path,) = fetch.fetch(NAME, cache=str(folder))
    assert path.read_bytes() == CONTENT


def test_another_content_of_the_same_size_is_refused(server: Served, folder: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(ModelRejected, match="not what the catalogue names"):
        fetch.fetch(NAME, cache=str(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [CONTENT + b"x", CONTENT[:-1], b""])
def test_another_size_is_refused(server: Served, folder: Path, content: bytes) -> None:
    server.content = content
    with pytest.raises((ModelRejected, ModelMissing)):
        fetch.fetch(NAME, cache=str(folder))
    assert not (folder / "net.bin").exists()


def test_a_wrong_file_is_replaced_and_never_used(server: Served, folder: Path) -> None:
    folder.mkdir()
    (folder / "net.bin").write_bytes(b"something else")
    with pytest.raises(ModelRejected, match="is not the file of `net`"):
        store.files(NAME, cache=str(folder))
    assert [c.state for c in store.verify(NAME, cache=str(folder))] == ["wrong"]
    (path,) = fetch.fetch(NAME, cache=str(folder))
    assert path.read_bytes() == CONTENT


def test_a_file_changed_after_it_was_verified_is_noticed(folder: Path) -> None:
    (path,) = fetch.fetch(NAME, cache=str(folder))
    store.files(NAME, cache=str(folder))
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ModelRejected):
        store.files(NAME, cache=str(folder))


def test_a_redirect_loop_ends(server: Served, folder: Path) -> None:
    server.loop = True
    with pytest.raises(ModelMissing, match="could not be fetched"):
        fetch.fetch(NAME, cache=str(folder))
    assert len(server.asked) < 30


@pytest.mark.parametrize("status, requests", [(404, 1), (503, 3)])
def test_an_answer_that_is_final_is_not_asked_for_again(
    server: Served, folder: Path, status: int, requests: int
) -> None:
    server.status = status
    with pytest.raises(ModelMissing, match=r"127\.0\.0\.1"):
        fetch.fetch(NAME, cache=str(folder))
    assert len(server.asked) == requests


def test_the_next_address_is_tried(
    server: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_everywhere(monkeypatch.setattr, entry("", urls=("http://127.0.0.1:9/none", server.url)))
    (path,) = fetch.fetch(NAME, cache=str(folder))
    assert path.read_bytes() == CONTENT


def test_a_mirror_is_asked_instead(
    server: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_everywhere(monkeypatch.setattr, entry("http://127.0.0.1:9/published"))
    (path,) = fetch.fetch(NAME, cache=str(folder), mirror=server.url)
    assert path.read_bytes() == CONTENT


def test_offline_says_which_file_which_hash_and_where(folder: Path, server: Served) -> None:
    with pytest.raises(ModelMissing) as caught:
        fetch.fetch(NAME, cache=str(folder), offline=True)
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert "net.bin" in str(caught.value)
    assert str(folder) in str(caught.value)
    assert server.asked == []


def test_a_file_put_by_hand_is_accepted(folder: Path, server: Served) -> None:
    folder.mkdir()
    (folder / "net.bin").write_bytes(CONTENT)
    assert fetch.fetch(NAME, cache=str(folder), offline=True) == [folder / "net.bin"]


def test_a_package_that_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_everywhere(monkeypatch.setattr, entry("", package="no_such_package_of_weights", urls=()))
    with pytest.raises(MissingPackage, match="pip install"):
        store.files(NAME, cache=str(folder))


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(
    server: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(OutputError, match="0 MB free"):
        fetch.fetch(NAME, cache=str(folder))
    assert server.asked == []


def test_a_disk_that_fills_up_is_an_error_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch.os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        fetch.fetch(NAME, cache=str(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch.fetch(NAME, cache=str(tmp_path / "file" / "weights"))


CHILD = """
import sys
from test_fetch import entry, use_everywhere
from unfade.zoo import fetch
url, folder = sys.argv[1:]
use_everywhere(setattr, entry(url))
fetch.fetch("net", cache=folder)
"""


def test_two_processes_at_once_do_not_disturb_each_other(server: Served, folder: Path) -> None:
    command = [sys.executable, "-c", CHILD, server.url, str(folder)]
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    children = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["net.bin"]


def test_where(tmp_path: Path) -> None:
    assert store.where(environ={"UNFADE_HOME": str(tmp_path)}) == tmp_path / "models"
    assert store.where("x", environ={"UNFADE_HOME": str(tmp_path)}) == Path("x")
    assert "unfade" in str(store.where(environ={}))
