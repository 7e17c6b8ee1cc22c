"""One service for the tests that only use it; those that break things start their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from studio_live import dusty, png

from unfade.config import Config
from unfade.web.app import create_app
from unfade.web.rules import Rules

BASE = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    rules = Rules(
        data=tmp_path_factory.mktemp("studio"),
        workers=2,
        upload_bytes=20_000_000,
        film_bytes=30_000_000,
        area_mpx=20.0,
        disk_reserve_bytes=1,
    )
    with TestClient(create_app(rules, Config()), base_url=BASE) as opened:
        yield opened


@pytest.fixture(scope="session")
def scan() -> bytes:
    return png(dusty())


@pytest.fixture
def upload(client: TestClient, scan: bytes) -> dict:
    answer = client.post("/v1/uploads", files=[("file", ("grandmother.png", scan))])
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["uploads"][0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir()
    return place
