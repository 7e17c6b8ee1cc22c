"""Films come in, are shown by a frame, and are played from where they lie."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from studio_live import dusty


@pytest.fixture(scope="module")
def reel() -> bytes:
    """Two seconds, the first half of a second black."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as film:
        stream = film.add_stream("ffv1", rate=12)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "bgr0"
        for number in range(24):
            shown = dusty(96, 160) if number > 6 else np.zeros((96, 160, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return out.getvalue()


def test_a_film_is_told_by_its_content_and_shown_by_a_frame(
    client: TestClient, reel: bytes
) -> None:
    answer = client.post("/v1/uploads", files=[("file", ("home movie.png", reel))])
    assert answer.status_code == 201, answer.text
    (film,) = answer.json()["uploads"]
    assert (film["kind"], film["format"], film["rows"], film["cols"]) == (
        *("film", "matroska", 96, 160),
    )
    assert film["frames"] == 24 and film["duration_s"] == pytest.approx(2.0, abs=0.1)
    assert film["tiles"] is None
    shown = client.get(film["picture"], params={"format": "png"})
    pixels = np.asarray(Image.open(io.BytesIO(shown.content)))
    assert np.array_equal(pixels, dusty(96, 160)), "past the black lead-in"
    part = client.get(film["url"] + "/file", headers={"Range": "bytes=4-9"})
    assert part.status_code == 206 and part.content == reel[4:10]
    assert part.headers["content-type"] == "video/x-matroska"


def test_a_film_is_no_picture_and_a_picture_no_film(
    client: TestClient, reel: bytes, upload: dict
) -> None:
    (film,) = client.post("/v1/uploads", files=[("file", ("a.mkv", reel))]).json()["uploads"]
    for wanted in (
        {"kind": "restore", "upload": film["id"]},
        {"kind": "film", "upload": upload["id"]},
        {"upload": upload["id"], "mask": film["id"]},
    ):
        refused = client.post("/v1/jobs", json=wanted)
        assert refused.status_code == 400, refused.text
        assert "is expected" in refused.json()["detail"]


def test_what_only_pictures_have_is_refused_before_the_work(
    client: TestClient, reel: bytes, upload: dict
) -> None:
    (film,) = client.post("/v1/uploads", files=[("file", ("a.mkv", reel))]).json()["uploads"]
    for wish, given in (
        ("faces", True), ("mask", upload["id"]), ("rejected", ["dust@1"]), ("prompt", "sky"),
    ):  # fmt: skip
        wanted = {"kind": "film", "upload": film["id"], wish: given}
        refused = client.post("/v1/jobs", json=wanted)
        assert refused.status_code == 400, refused.text
        assert f"`{wish}` is for pictures; `a.mkv` is a film." in refused.json()["detail"]


def test_a_cut_film_is_refused_or_shown_honestly(client: TestClient, reel: bytes) -> None:
    for length in (40, 300, len(reel) // 2):
        answer = client.post("/v1/uploads", files=[("file", ("cut.mkv", reel[:length]))])
        assert answer.status_code in (201, 415, 422), answer.text
        if answer.status_code == 201:
            shown = client.get(answer.json()["uploads"][0]["picture"])
            assert shown.status_code in (200, 422), shown.text
        assert str(client.app.state.studio.rules.data) not in answer.text  # type: ignore[attr-defined]
