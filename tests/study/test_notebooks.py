"""The notebooks run from top to bottom, on small pictures, and hold no output in the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from study_albums import album

BOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(BOOKS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_is_kept_without_output(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in book.cells)
    tagged = [c for c in book.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0].source.startswith('WHERE = ""')


def _run(name: str, folder: Path, **parameters: Any) -> tuple[Any, str]:
    """The executed notebook with other parameters, and all that it printed."""
    book = nbformat.read(BOOKS / f"{name}.ipynb", as_version=4)
    cell = next(c for c in book.cells if "parameters" in c.metadata.get("tags", []))
    cell.source += "\n" + "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
    # a notebook that warns is a notebook that a student stumbles over
    strict = "import warnings; warnings.filterwarnings('error', module='__main__')"
    first = nbformat.v4.new_code_cell(strict)
    book.cells.insert(0, first)
    client = nbclient.NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    outputs = [o for c in book.cells for o in c.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error"]
    text = "".join(o.get("text", "") + o.get("data", {}).get("text/html", "") for o in outputs)
    return outputs, text


def test_before_and_after_runs(tmp_path: Path) -> None:
    album(tmp_path / "photos", 1)
    outputs, text = _run("before-and-after", tmp_path, WHERE="photos", SIDE=96)
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) >= 3  # the photograph, the histograms, the sheet
    assert "of the pixels changed" in text


def test_train_for_artworks_runs(tmp_path: Path) -> None:
    album(tmp_path / "photos", 2)
    outputs, text = _run("train-for-artworks", tmp_path, WHERE="photos", SIDE=96, STEPS=3)
    assert len([o for o in outputs if "image/png" in o.get("data", {})]) >= 4
    assert "finished at step 3" in text
    assert "resized to a square and back" in text


@pytest.mark.slow
def test_traditional_against_learned_runs(tmp_path: Path) -> None:
    outputs, text = _run("traditional-against-learned", tmp_path, LIMIT=1, SIDE=208)
    assert len([o for o in outputs if "image/png" in o.get("data", {})]) >= 8
    assert "results by nothing, telea, navier-stokes, biharmonic, sparse" in text
    assert "psnr_inside_db" in text


def test_pictures_from_a_bucket_and_a_folder_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    from unfade.errors import UnreadableInput
    from unfade.study.gallery import load_pictures

    folder = album(tmp_path / "photos", 3)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_ENDPOINT_URL", endpoint), ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_ALLOW_HTTP", "true"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="archive")
        for path in folder.iterdir():
            client.put_object(Bucket="archive", Key=f"box3/{path.name}", Body=path.read_bytes())
        client.put_object(Bucket="archive", Key="box3/notes.txt", Body=b"no picture")
        client.close()
        there = load_pictures("s3://archive/box3", limit=2, side_px=80)
        here = load_pictures(str(folder), limit=0, side_px=80)
        assert len(there) == 2
        for found, wanted in zip(there.values(), list(here.values())[:2], strict=True):
            assert np.array_equal(found, wanted)
        with pytest.raises(UnreadableInput, match="holds no picture"):
            load_pictures("s3://archive/box4")
        with pytest.raises(UnreadableInput, match="cannot be read"):
            load_pictures("s3://nobody/box3")
    finally:
        server.stop()


def test_without_a_place_there_are_pictures_all_the_same() -> None:
    from unfade.study.gallery import load_pictures

    found = load_pictures(limit=2, side_px=64)
    assert list(found) == ["astronaut", "chelsea"]
    assert all(p.dtype == np.float32 and max(p.shape[:2]) == 64 for p in found.values())
