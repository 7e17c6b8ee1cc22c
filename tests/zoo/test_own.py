"""Networks of the user's own, bundles, proxies and redirects."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from served import Served

from unfade.errors import ModelMissing, ModelRejected, OutputError, UnreadableInput, UsageError
from unfade.zoo import bundle, catalogue, fetch, own, store
from unfade.zoo.catalogue import Entry, FileEntry

WEIGHTS = b"weights " * 1000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def added(folder: Path, name: str = "attic", content: bytes = WEIGHTS, **facts: object) -> Entry:
    """A network entered into the user's table, as ``unfade models add`` does it."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = FileEntry(
        role="weights", path=f"{sha256[:16]}.safetensors", bytes=len(content), sha256=sha256,
        own=True,
    )  # fmt: skip
    plain: dict[str, object] = {
        "about": 'says "hello"', "task": "denoise", "format": "safetensors", "shape": "mend",
        "architecture": "NAFNet", "licence": "MIT", "commercial": "yes", "halo_px": 32,
        "tiling": "blend", "dials": ("sigma",),
    }  # fmt: skip
    entry = Entry(name=name, files=(file,), **plain | facts)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "incoming"
    source.write_bytes(content)
    return own.register(entry, source)


def test_what_is_added_is_found_verified_and_removed(home: Path, tmp_path: Path) -> None:
    entry = added(tmp_path)
    assert catalogue.find("attic") == entry
    assert entry in catalogue.entries() and entry not in catalogue.shipped()
    path = store.files("attic")["weights"]
    assert path.parent == home / "networks" and path.read_bytes() == WEIGHTS
    assert [c.state for c in store.verify("attic")] == ["good"]
    own.remove("attic")
    assert not path.exists()
    with pytest.raises(ModelMissing):
        catalogue.find("attic")
    with pytest.raises(ModelMissing, match="You have added none"):
        own.remove("attic")


def test_a_file_that_was_changed_is_never_opened(home: Path, tmp_path: Path) -> None:
    added(tmp_path)
    store.files("attic")["weights"].write_bytes(WEIGHTS[:-1] + b"x")
    with pytest.raises(ModelRejected, match="size or SHA-256 differ"):
        store.files("attic")


def test_a_file_that_was_lost_is_not_asked_for_on_the_net(home: Path, tmp_path: Path) -> None:
    added(tmp_path)
    store.files("attic")["weights"].unlink()
    with pytest.raises(ModelMissing, match="has lost its file"):
        fetch.fetch("attic")


def test_added_again_under_the_same_name_it_is_replaced(home: Path, tmp_path: Path) -> None:
    added(tmp_path)
    other = added(tmp_path, content=b"newer")
    assert catalogue.own_entries() == (other,)


@pytest.mark.parametrize("name", ["Attic", "a b", "../x", "", "-x", "bsrgan-x4", "x" * 70])
def test_names_that_a_recipe_cannot_bear_are_refused(home: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        added(tmp_path, name)


def test_a_damaged_table_is_an_error_not_an_empty_one(home: Path, tmp_path: Path) -> None:
    added(tmp_path)
    (home / "networks" / "catalogue.toml").write_text("[[model]\n")
    with pytest.raises(ModelRejected, match="is not TOML"):
        catalogue.entries()


# -- bundles ------------------------------------------------------------------------------------


def shipped_here(monkeypatch: pytest.MonkeyPatch, cache: Path, **changes: object) -> Entry:
    """A shipped network whose file is in the cache."""
    content = b"published" * 99
    plain: dict[str, object] = {
        "name": "published", "about": "a", "task": "upscale", "format": "pth", "shape": "mend",
        "licence": "MIT", "paper": "p",
    }  # fmt: skip
    file = FileEntry(
        role="weights", path="published.pth", bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(), urls=("https://x.org/p",),
    )  # fmt: skip
    entry = Entry(files=(file,), **plain | changes)  # type: ignore[arg-type]
    for module in (catalogue, bundle):
        monkeypatch.setattr(module, "shipped", lambda: (entry,))
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "published.pth").write_bytes(content)
    return entry


def test_a_bundle_carries_networks_to_a_machine_without_a_network(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    published = shipped_here(monkeypatch, here)
    mine = added(tmp_path)
    target = tmp_path / "networks.zip"
    assert bundle.write_bundle(target, cache=str(here)) == ("published", "attic")
    assert bundle.is_bundle(target)
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "other"))
    with pytest.raises(ModelMissing):
        store.files("attic", cache=str(there))
    assert bundle.read_bundle(target, cache=str(there)) == ("published", "attic")
    assert (there / "published.pth").read_bytes() == (here / "published.pth").read_bytes()
    assert fetch.fetch("published", cache=str(there), offline=True)
    assert catalogue.find("attic") == mine
    assert store.files("attic")["weights"].read_bytes() == WEIGHTS
    assert catalogue.find("published") == published
    leftovers = [p for p in (*there.iterdir(), *here.iterdir()) if p.name.startswith(".")]
    assert leftovers == []


def test_a_bundle_is_not_overwritten_and_names_must_be_here(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped_here(monkeypatch, tmp_path / "here")
    target = tmp_path / "b.zip"
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        bundle.write_bundle(target, cache=str(tmp_path / "here"))
    assert target.read_bytes() == b"mine"
    with pytest.raises(ModelMissing, match="not on this machine"):
        bundle.write_bundle(tmp_path / "c.zip", ["published"], cache=str(tmp_path / "empty"))
    assert not (tmp_path / "c.zip").exists()


def test_a_bundle_holds_what_the_choice_of_licences_lets_in(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped_here(monkeypatch, tmp_path / "here", commercial="no", licence="CC-BY-NC-4.0")
    added(tmp_path)
    target, cache = tmp_path / "b.zip", str(tmp_path / "here")
    assert bundle.write_bundle(target, cache=cache, licence="open-only") == ("attic",)
    with pytest.raises(ModelRejected, match="forbids commercial use"):
        bundle.write_bundle(tmp_path / "c.zip", ["published"], cache=cache)
    both = bundle.write_bundle(tmp_path / "d.zip", cache=cache, licence="noncommercial")
    assert both == ("published", "attic")
    assert bundle.read_bundle(tmp_path / "d.zip", cache=str(tmp_path / "there")) == ("attic",)


@pytest.mark.parametrize("change", ["other bytes", "longer", "gone", "cut", "own name"])
def test_a_bundle_that_was_changed_is_refused_and_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    entry = shipped_here(monkeypatch, tmp_path / "here")
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    bundle.write_bundle(good, cache=str(tmp_path / "here"))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == entry.sha256 and change == "gone":
                continue
            if name == entry.sha256 and change in ("other bytes", "longer"):
                content = content[:-1] + b"!" if change == "other bytes" else content + b"!" * 10**6
            if name == bundle.TABLE and change == "own name":
                content = content.replace(b'"published"', b'"../../escape"')
            target.writestr(name, content)
    if change == "cut":
        bad.write_bytes(good.read_bytes()[:-200])
    with pytest.raises((ModelRejected, UnreadableInput)):
        bundle.read_bundle(bad, cache=str(tmp_path / "there"))
    there = tmp_path / "there"
    assert not there.exists() or list(there.iterdir()) == []
    assert not (tmp_path / "escape").exists()


def test_other_archives_are_no_bundles(home: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("data.pkl", b"x")
    assert not bundle.is_bundle(tmp_path / "x.zip")
    with pytest.raises(UnreadableInput, match="it is no bundle"):
        bundle.read_bundle(tmp_path / "x.zip")


# -- the way to a server ------------------------------------------------------------------------


class Proxy:
    """Answers every request for any server with ``content``, as a proxy would."""

    def __init__(self, content: bytes) -> None:
        self.asked: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy(b"published" * 99)
    made.thread.start()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def test_the_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: Proxy
) -> None:
    entry = shipped_here(monkeypatch, tmp_path / "here")
    (tmp_path / "here" / "published.pth").unlink()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    cache = str(tmp_path / "here")
    (path,) = fetch.fetch("published", cache=cache, mirror="http://weights.example/m")
    assert path.read_bytes() == b"published" * 99
    assert proxy.asked == [f"http://weights.example/m/{entry.files[0].name}"]


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped_here(monkeypatch, tmp_path / "here")
    (tmp_path / "here" / "published.pth").unlink()
    with Served(b"x") as server:
        server.loop_to = "file:///etc/hostname"
        server.loop = True
        with pytest.raises(ModelMissing, match="could not be fetched"):
            fetch.fetch("published", cache=str(tmp_path / "here"), mirror=server.url)
    assert list((tmp_path / "here").glob("*.pth")) == []


def test_a_licence_that_is_kept_out_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped_here(monkeypatch, tmp_path / "here", commercial="no", licence="CC-BY-NC-4.0")
    with Served(b"x") as server:
        with pytest.raises(ModelRejected, match=r"--licence noncommercial"):
            fetch.fetch("published", cache=str(tmp_path / "there"), mirror=server.url)
        assert server.asked == []
