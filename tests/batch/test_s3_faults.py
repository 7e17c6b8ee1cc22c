"""What a bad network, a busy server and a lying one do to S3 places: nothing that lasts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import SECRET, Faults, Server, credentials, moto, proxy, rclone, some  # noqa: F401

from unfade.errors import OutputError, Unreachable, UnreadableInput, UsageError
from unfade.files.places import trying
from unfade.files.places.opening import StoreOptions, open_place
from unfade.files.places.s3 import S3Place


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with moto() as server:
        server.client().create_bucket(Bucket="archive")
        yield server


@pytest.fixture(autouse=True)
def _env(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(trying, "FIRST_WAIT_S", 0.01)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def place(server: Server, faults: Faults, tmp_path: Path) -> Iterator[S3Place]:
    with proxy(server, faults) as bad:
        options = StoreOptions(endpoint=bad.url, retries=4, patience_s=10)
        yield S3Place("archive", tmp_path.name, options)


def file(folder: Path, content: bytes, name: str = "source") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["500", "503", "cut", "lost", "etag"])
def test_what_is_put_and_fetched_through_faults_is_exact(
    kind: str, place: S3Place, faults: Faults, tmp_path: Path
) -> None:
    faults.pick = some(0.3, [kind], seed=4)
    contents = {f"{n}.tif": os.urandom(20_000) for n in range(12)}
    for name, content in contents.items():
        place.put(file(tmp_path, content), name)
    assert {entry.name for entry in place.entries()} == set(contents)
    for name, content in contents.items():
        target = tmp_path / "fetched"
        assert place.fetch(name, target) == hashlib.sha256(content).hexdigest()
        assert target.read_bytes() == content
    assert {fault for fault, _, _ in faults.made} == {kind}


def test_a_large_file_goes_in_parts_through_faults(
    place: S3Place, faults: Faults, tmp_path: Path
) -> None:
    faults.pick = some(0.2, ["500", "503", "lost"], seed=1)
    content = os.urandom(40_000_000)
    place.put(file(tmp_path, content), "large.tif", overwrite=True)
    faults.pick = lambda method, path: ""
    assert place.fetch("large.tif", tmp_path / "f") == hashlib.sha256(content).hexdigest()
    found = place.stat("large.tif")
    assert found is not None
    assert found.version.endswith("-3")
    assert any("partNumber" in path or "uploads" in path for _, _, path in faults.made)


def test_a_server_that_stays_down_is_named(place: S3Place, faults: Faults, tmp_path: Path) -> None:
    faults.pick = lambda method, path: "503"
    with pytest.raises(Unreachable, match=r"the server answers 503, 4 times in a row"):
        place.put(file(tmp_path, b"x"), "a.tif")
    with pytest.raises(Unreachable, match="4 times"):
        list(place.entries())


def test_damaged_bytes_are_never_taken_for_good(
    place: S3Place, server: Server, tmp_path: Path
) -> None:
    """The object says another SHA-256 than its bytes have."""
    server.client().put_object(
        Bucket="archive",
        Key=f"{place.prefix}bad.tif",
        Body=b"rotten",
        Metadata={"sha256": hashlib.sha256(b"sound").hexdigest()},
    )
    with pytest.raises(Unreachable, match="SHA-256 that was stored with it"):
        place.fetch("bad.tif", tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_an_etag_that_is_no_md5_is_believed_after_two_equal_readings(
    place: S3Place, server: Server, faults: Faults, tmp_path: Path
) -> None:
    server.client().put_object(Bucket="archive", Key=f"{place.prefix}kms.tif", Body=b"content")
    faults.pick = lambda method, path: "etag" if method in ("GET", "HEAD") else ""
    assert place.fetch("kms.tif", tmp_path / "f") == hashlib.sha256(b"content").hexdigest()
    assert sum(method == "GET" for _, method, _ in faults.made) == 2


def test_a_listing_that_lags_does_not_lead_to_overwriting(
    place: S3Place, faults: Faults, tmp_path: Path
) -> None:
    place.put(file(tmp_path, b"first"), "a.tif")
    faults.hidden = {f"{place.prefix}a.tif"}
    assert list(place.entries()) == []
    with pytest.raises(OutputError, match="exists already"):
        place.put(file(tmp_path, b"second"), "a.tif")
    assert place.read("a.tif") == b"first"


def test_two_writers_of_one_name(
    place: S3Place, server: Server, faults: Faults, tmp_path: Path
) -> None:
    """Another writer comes between the look and the put: the server's condition decides."""

    def interfere(method: str, path: str) -> str:
        if method == "PUT":
            server.client().put_object(Bucket="archive", Key=f"{place.prefix}a.tif", Body=b"theirs")
        return ""

    faults.pick = interfere
    with pytest.raises(OutputError, match="exists already"):
        place.put(file(tmp_path, b"mine"), "a.tif")
    assert place.read("a.tif") == b"theirs"


def test_an_answer_that_was_lost_is_no_failure(
    place: S3Place, faults: Faults, tmp_path: Path
) -> None:
    """The object arrived, its answer did not: the next try finds its own bytes there."""
    lost = iter(["lost"])
    faults.pick = lambda method, path: next(lost, "") if method == "PUT" else ""
    place.put(file(tmp_path, b"mine"), "a.tif")
    assert place.read("a.tif") == b"mine"
    assert [fault for fault, _, _ in faults.made] == ["lost"]


def test_missing_bucket_and_vanished_object(server: Server, tmp_path: Path) -> None:
    options = StoreOptions(endpoint=server.url, retries=2)
    nowhere = S3Place("no-such-bucket", "", options)
    with pytest.raises(UnreadableInput, match=r"bucket `no-such-bucket` does not exist"):
        list(nowhere.entries())
    with pytest.raises(OutputError, match=r"bucket `no-such-bucket` does not exist"):
        nowhere.put(file(tmp_path, b"x"), "a.tif")


def test_wrong_credentials_are_named_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root" / "archive").mkdir(parents=True)
    with rclone(tmp_path / "root") as server:
        place = S3Place("archive", "", StoreOptions(endpoint=server.url, retries=2))
        place.put(file(tmp_path, b"x"), "a.tif")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET + "-wrong")
        denied = S3Place("archive", "", StoreOptions(endpoint=server.url, retries=2))
        with pytest.raises(UnreadableInput, match="may not be accessed") as read:
            list(denied.entries())
        with pytest.raises(OutputError, match="may not be accessed") as written:
            denied.put(file(tmp_path, b"x"), "b.tif")
    for error in (read, written):
        assert SECRET not in str(error.value)


def test_no_credentials_at_all(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UsageError, match="no credentials for S3"):
        list(S3Place("archive", "", StoreOptions(endpoint=server.url)).entries())


def test_credentials_come_from_a_profile(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    shared = tmp_path / "shared"
    shared.write_text("[archive]\naws_access_key_id = key\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    monkeypatch.setenv("AWS_PROFILE", "archive")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)  # the standard way to name a server
    place = S3Place("archive", tmp_path.name)
    place.put(file(tmp_path, b"x"), "a.tif")
    assert place.read("a.tif") == b"x"


def test_encryption_is_asked_for(server: Server, tmp_path: Path) -> None:
    options = StoreOptions(endpoint=server.url, sse="aws:kms", kms_key="alias/archive")
    S3Place("archive", "sse", options).put(file(tmp_path, b"x"), "a.tif")
    facts = server.client().head_object(Bucket="archive", Key="sse/a.tif")
    assert facts["ServerSideEncryption"] == "aws:kms"
    assert facts["SSEKMSKeyId"] == "alias/archive"


def test_keys_that_no_path_may_hold_do_not_end_the_listing(server: Server) -> None:
    keys = ["odd/../up.tif", "odd//empty.tif", "odd/sound.tif", "odd/tab\there.tif", "odd/folder/"]
    for key in keys:
        server.client().put_object(Bucket="archive", Key=key, Body=b"" if key[-1] == "/" else b"1")
    found = {
        entry.name: entry.problem
        for entry in S3Place("archive", "odd", StoreOptions(endpoint=server.url)).entries()
    }
    assert found["sound.tif"] == ""
    assert "`..`" in found["../up.tif"]
    assert "empty part" in found["/empty.tif"]
    assert "control characters" in found["tab\there.tif"]
    assert "folder/" not in found


def test_unfinished_uploads_are_found_and_ended(server: Server) -> None:
    client = server.client()
    begun = client.create_multipart_upload(Bucket="archive", Key="parts/a.tif")
    client.create_multipart_upload(Bucket="archive", Key="elsewhere/b.tif")
    place = S3Place("archive", "parts", StoreOptions(endpoint=server.url))
    (found,) = place.leftovers()
    assert (found.name, found.what, found.handle) == (
        "a.tif",
        "incomplete upload",
        begun["UploadId"],
    )
    place.remove(found)
    assert list(place.leftovers()) == []
    others = client.list_multipart_uploads(Bucket="archive")["Uploads"]
    assert [each["Key"] for each in others] == ["elsewhere/b.tif"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://", "names no bucket"),
        ("nonsense://x/y", "cannot be reached"),
        ("ftp://me:secret@host/x", "has a password in it"),
    ],
)
def test_addresses_that_cannot_be(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        open_place(address)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("endpoint", ["minio:9000", "http://key:secret@minio:9000"])
def test_endpoints_that_cannot_be(endpoint: str) -> None:
    with pytest.raises(UsageError) as told:
        StoreOptions(endpoint=endpoint)
    assert "secret" not in str(told.value)
