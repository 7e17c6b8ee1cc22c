"""``unfade batch``, ``upload`` and ``clean`` as people call them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from inline import InlineExecutor
from scans import coded, hashes, scans
from stores import SECRET, Faults, Server, credentials, moto, proxy, rclone, some  # noqa: F401

from unfade.batch import clean as cleaning
from unfade.batch import run as loop
from unfade.batch.order import Batch
from unfade.cli import main
from unfade.files.places import trying


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def unfade(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """The command line in this process, with jobs in it as well."""
    monkeypatch.setenv("UNFADE_CONFIG", str(tmp_path / "no-settings.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(Batch, "_start", lambda self: InlineExecutor())
    monkeypatch.setattr(loop, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(trying, "FIRST_WAIT_S", 0.01)

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 1, captured.out, captured.err)

    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    scans(tmp_path / "raw", 2)
    return tmp_path / "raw"


@pytest.fixture
def store(credentials: None) -> Iterator[Server]:  # noqa: F811
    with moto() as server:
        server.client().create_bucket(Bucket="archive")
        yield server


def test_a_run_with_log_and_json(unfade: Callable[..., Ran], source: Path, tmp_path: Path) -> None:
    (source / "bad\x1b[31m.png").write_bytes(coded(1))
    (source / "bad.tif").write_bytes(b"no picture")
    log = tmp_path / "log.jsonl"
    ran = unfade("batch", source, tmp_path / "out", "--json", "--log", log)
    assert ran.code == 4, ran.err
    told = json.loads(ran.out)
    assert (told["event"], told["done"], told["failed"], told["refused"]) == ("finished", 2, 1, 1)
    assert Path(told["report"]).is_file()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert events[0]["event"] == "planned"
    assert events[-1]["event"] == "finished"
    (failed,) = [event for event in events if event["event"] == "failed"]
    assert (failed["item"], failed["code"], failed["final"]) == (
        "bad.tif",
        "unsupported-input",
        True,
    )
    assert "\x1b" not in log.read_text()
    again = unfade("batch", source, tmp_path / "out")
    assert again.code == 4
    assert "2 done before" in again.err
    assert "\x1b[31m" not in again.err  # a name does not drive the terminal


def test_a_dry_run_tells_and_writes_nothing(
    unfade: Callable[..., Ran], source: Path, tmp_path: Path
) -> None:
    (source / "notes.txt").touch()
    ran = unfade("batch", source, tmp_path / "out", "--dry-run")
    assert ran.code == 0, ran.err
    assert "2 to do" in ran.out
    assert "1 .txt" in ran.out
    told = json.loads(unfade("batch", source, tmp_path / "out", "--dry-run", "--json").out)
    assert told["counts"]["planned"] == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{raw}", "{raw}"], 2, "never written to"),
        (["{raw}", "{raw}/out"], 2, "never written to"),
        (["{raw}/none", "{out}"], 3, "does not exist"),
        (["{raw}", "{out}", "--sample", "3", "--limit", "3"], 2, "exclude each other"),
        (["{raw}", "{out}", "--recipe", "photograf"], 2, "Did you mean `photograph`"),
        (["{raw}", "{out}", "--extension", "tif"], 2, r"`\.tif`"),
        (["{raw}", "{out}", "--sse", "rot13"], 2, "AES256"),
        (["{raw}", "{out}", "--ledger", "oracle://x"], 2, "no kind of ledger"),
        (["{raw}", "{out}", "--notify", "mailto:x"], 2, "no target"),
        (["{raw}", "{out}", "--job-memory", "much"], 2, "no amount of memory"),
        (["{raw}", "s3://"], 2, "names no bucket"),
        (["{raw}", "{out}", "--log", "{raw}/none/log"], 7, "log"),
        (["{raw}", "{out}", "--policy", "archive", "--only", "inpaint"], 2, "policy"),
    ],
)
def test_requests_that_cannot_be(
    arguments: list[str],
    code: int,
    words: str,
    unfade: Callable[..., Ran],
    source: Path,
    tmp_path: Path,
) -> None:
    import re

    filled = [a.format(raw=source, out=tmp_path / "out") for a in arguments]
    before = hashes(source)
    ran = unfade("batch", *filled)
    assert ran.code == code, ran.err
    assert re.search(words, ran.err), ran.err
    assert hashes(source) == before


def test_a_bucket_that_is_not_there_and_one_that_is_denied(
    unfade: Callable[..., Ran],
    source: Path,
    store: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = unfade("batch", "s3://nowhere/raw/", tmp_path / "out", "--endpoint", store.url)
    assert ran.code == 3
    assert "bucket `nowhere` does not exist" in ran.err
    (tmp_path / "served" / "archive").mkdir(parents=True)
    with rclone(tmp_path / "served") as server:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET + "x")
        ran = unfade("batch", "s3://archive/", tmp_path / "out", "--endpoint", server.url)
    assert ran.code == 3
    assert "may not be accessed" in ran.err
    assert SECRET not in ran.err


def test_up_restored_and_down_through_faults(
    unfade: Callable[..., Ran], source: Path, store: Server, tmp_path: Path
) -> None:
    """A fifth of all requests fails, and nothing of it is in the result."""
    unfade("batch", source, tmp_path / "alone", "--no-report")
    faults = Faults(pick=some(0.2, ["500", "503", "cut", "lost", "etag"], seed=3))
    with proxy(store, faults) as bad:
        to = ("--endpoint", bad.url, "--quiet")
        assert unfade("upload", source, "s3://archive/raw/", *to).code == 0
        ran = unfade("batch", "s3://archive/raw/", tmp_path / "out", *to, "--no-report")
    assert ran.code == 0, ran.err
    assert len(faults.made) >= 2
    pictures = {name: h for name, h in hashes(tmp_path / "out").items() if ".json" not in name}
    alone = {name: h for name, h in hashes(tmp_path / "alone").items() if ".json" not in name}
    assert pictures == alone


def test_a_busy_source_that_never_answers(
    unfade: Callable[..., Ran], store: Server, tmp_path: Path
) -> None:
    with proxy(store, Faults(pick=lambda method, path: "503")) as bad:
        ran = unfade("batch", "s3://archive/raw/", tmp_path / "out", "--endpoint", bad.url)
    assert ran.code == 9
    assert "the server answers 503" in ran.err


def test_upload_tells_what_lies_there_with_other_content(
    unfade: Callable[..., Ran], source: Path, store: Server
) -> None:
    client = store.client()
    client.put_object(Bucket="archive", Key="raw/box 1/scan é 001.png", Body=b"another")
    ran = unfade("upload", source, "s3://archive/raw/", "--endpoint", store.url)
    assert ran.code == 4
    assert "exists already, with other content" in ran.err
    body = client.get_object(Bucket="archive", Key="raw/box 1/scan é 001.png")["Body"].read()
    assert body == b"another"
    facts = client.head_object(Bucket="archive", Key="raw/box 0/scan é 000.jpg")
    assert facts["Metadata"]["sha256"] == hashes(source)["box 0/scan é 000.jpg"]


def test_clean_ends_our_uploads_only(
    unfade: Callable[..., Ran], source: Path, store: Server
) -> None:
    to = ("--endpoint", store.url)
    assert unfade("upload", source, "s3://archive/raw/", *to).code == 0
    client = store.client()
    for key in ("raw/box 0/scan é 000.jpg", "raw/theirs.tif", "elsewhere/x.tif"):
        client.create_multipart_upload(Bucket="archive", Key=key)
    shown = unfade("clean", "s3://archive/raw/", *to, "--older-than", "0", "--dry-run")
    assert shown.code == 0, shown.err
    assert "scan é 000.jpg" in shown.out
    assert "theirs" not in shown.out
    assert len(client.list_multipart_uploads(Bucket="archive")["Uploads"]) == 3
    done = unfade("clean", "s3://archive/raw/", *to, "--older-than", "0")
    assert done.code == 0, done.err
    left = [each["Key"] for each in client.list_multipart_uploads(Bucket="archive")["Uploads"]]
    assert sorted(left) == ["elsewhere/x.tif", "raw/theirs.tif"]
    assert len(client.list_objects_v2(Bucket="archive")["Contents"]) == 2


def test_clean_leaves_what_is_young_and_what_is_not_ours(
    unfade: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    monkeypatch.setattr(cleaning.tempfile, "gettempdir", lambda: str(scratch))
    old, young, theirs = (
        scratch / name for name in ("unfade-batch-old", "unfade-batch-young", "their-folder")
    )
    for folder in (old, young, theirs):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 10)
    for folder in (old, theirs):
        os.utime(folder, (0, 0))
    ran = unfade("clean", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {
        "event": "removed",
        "what": "scratch folder",
        "where": str(old),
        "bytes": 10,
    }
    assert not old.exists()
    assert young.exists()
    assert theirs.exists()
