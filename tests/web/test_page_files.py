"""The page's files and the networks for browsers, as the service hands them out."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import onnx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from unfade.errors import UnfadeError
from unfade.web import problems
from unfade.web.networks import add_networks
from unfade.web.page import add_page, page_folder


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "small.onnx").write_bytes(b"network")
    (weights / "not-listed.onnx").write_bytes(b"other")
    (tmp_path / "secret.txt").write_text("secret")
    listed = {"networks": [{"name": "small", "file": "small.onnx"}]}
    (weights / "on-device.json").write_text(json.dumps(listed))
    return TestClient(_app(weights))


def _app(weights: Path) -> FastAPI:
    app = FastAPI()
    add_networks(app, weights)
    add_page(app, page_folder())
    app.add_exception_handler(UnfadeError, problems.on_unfade_error)  # type: ignore[arg-type]
    return app


def test_only_listed_networks_are_handed_out(client: TestClient) -> None:
    assert client.get("/on-device/on-device.json").json()["networks"][0]["name"] == "small"
    assert client.get("/on-device/small.onnx").content == b"network"
    for name in ("not-listed.onnx", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", ""):
        assert client.get(f"/on-device/{name}").status_code == 404, name


def test_an_installation_without_networks_offers_none(tmp_path: Path) -> None:
    client = TestClient(_app(tmp_path))
    assert client.get("/on-device/on-device.json").json() == {"networks": []}


def test_shipped_networks_are_offered_with_their_files() -> None:
    app = FastAPI()
    add_networks(app)
    client = TestClient(app)
    listed = client.get("/on-device/on-device.json").json()["networks"]
    assert "unfade-restore" in [network["name"] for network in listed]
    for network in listed:
        content = client.get(f"/on-device/{network['file']}").content
        assert hashlib.sha256(content).hexdigest() == network["sha256"]
        graph = onnx.load_from_string(content).graph
        assert [i.name for i in graph.input] == network["inputs"]
        assert network["halo"] % network["multiple_of"] == 0
        core_px = network["tile_px"] - 2 * network["halo"]
        assert 0 < core_px <= 448
        assert core_px % network["multiple_of"] == 0


def test_text_goes_packed_to_those_who_take_it_and_plain_to_others(client: TestClient) -> None:
    name = next(p.name for p in (page_folder() / "assets").iterdir() if p.suffix == ".js")
    plain = client.get(f"/assets/{name}", headers={"Accept-Encoding": "identity"})
    packed = client.get(f"/assets/{name}", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # unpacked by the client
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "immutable" in packed.headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-cache"


def test_the_packed_runtime_is_handed_out_as_it_is(client: TestClient) -> None:
    answer = client.get("/runtime/ort.wasm.gz")
    assert "content-encoding" not in answer.headers
    assert gzip.decompress(answer.content)[:4] == b"\0asm"
