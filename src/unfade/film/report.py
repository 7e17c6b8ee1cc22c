"""What a person looks at: before and after side by side, a sheet of the repairs, a page.

The page stands alone: pictures are inside it, it asks nothing of the network, and every word of
the film's own (names, tags) is escaped.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unfade.files.places.local import write_atomically
from unfade.film.delivery import FilmResult, SavedFilm
from unfade.film.layout import Frame
from unfade.film.probe import probe
from unfade.film.reader import read_frames
from unfade.film.repairs import Repair, apply
from unfade.film.rgb import to_pixels
from unfade.film.writer import not_written

SHEET_REPAIRS = 48
_TILE_PX = 96
_SIDE_PX = 960  # widest half of a side-by-side film


def side_by_side(result: FilmResult, saved: Path) -> Path:
    """A film with the original on the left and the result on the right, as H.264 in MP4.

    Args:
        saved: the delivered film
    Returns:
        ``NAME.side-by-side.mp4`` beside it
    Raises:
        OutputError: it cannot be written
    """
    import av
    import cv2

    target = saved.with_name(f"{saved.name}.side-by-side.mp4")
    film = result.film
    first, end = result.work.span
    after_film = probe(saved)
    scale = min(1.0, _SIDE_PX / film.cols)
    size = (round(film.cols * scale / 2) * 2, round(film.rows * scale / 2) * 2)

    def write(path: Path) -> None:
        with av.open(str(path), "w", format="mp4") as out:
            stream = out.add_stream("libx264", rate=film.rate, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = size[0] * 2, size[1], "yuv420p"
            befores = result.work.frames(first, end)
            for n, (one, two) in enumerate(zip(befores, read_frames(after_film))):
                halves = [
                    cv2.resize(_rgb(to_pixels(f.planes, like.layout, like.colour)), size,
                               interpolation=cv2.INTER_AREA)
                    for f, like in ((one, film), (two, after_film))
                ]  # fmt: skip
                frame = av.VideoFrame.from_ndarray(np.hstack(halves), format="rgb24")
                frame.pts, frame.time_base = n, 1 / film.rate
                for packet in stream.encode(frame):
                    out.mux(packet)
            for packet in stream.encode():
                out.mux(packet)

    try:
        write_atomically(target, write, overwrite=True)
    except OSError as error:
        raise not_written(target, error) from error
    return target


def contact_sheet(result: FilmResult, *, most: int = SHEET_REPAIRS) -> bytes | None:
    """Repairs before and after, as one PNG; spread evenly over the list.

    Returns:
        None when there are no repairs
    """
    from PIL import Image, ImageDraw

    count = sum(1 for _ in result.repairs)
    if not count:
        return None
    wanted = {round(k) for k in np.linspace(0, count - 1, min(most, count))}
    chosen = [r for n, r in enumerate(result.repairs) if n in wanted]
    tiles = list(_tiles(result, chosen))
    wide, high = 4, -(-len(tiles) // 4)
    cell = (2 * _TILE_PX + 12, _TILE_PX + 22)
    sheet = Image.new("RGB", (wide * cell[0], high * cell[1]), (32, 32, 32))
    pen = ImageDraw.Draw(sheet)
    for n, (repair, before, after) in enumerate(tiles):
        left, top = n % wide * cell[0] + 4, n // wide * cell[1] + 4
        for k, picture in enumerate((before, after)):
            tile = Image.fromarray(picture).resize((_TILE_PX, _TILE_PX), Image.Resampling.LANCZOS)
            sheet.paste(tile, (left + k * (_TILE_PX + 2), top))
        words = f"{repair.number}: frame {repair.frame}, {repair.kind} {repair.confidence:.0%}"
        pen.text((left, top + _TILE_PX + 2), words, fill=(230, 230, 230))
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()


def write_report(result: FilmResult, saved: SavedFilm) -> Path:
    """The page ``NAME.report.html`` beside the film."""
    target = saved.output.with_name(f"{saved.output.name}.report.html")
    text = page(result, saved)
    write_atomically(target, lambda path: path.write_text(text, encoding="utf-8"), overwrite=True)
    return target


def page(result: FilmResult, saved: SavedFilm) -> str:
    """The report as HTML."""
    record = saved.record
    facts = record.findings["film"]
    parts = [
        f"<h1>{_e(result.film.path.name)}</h1>",
        _table(
            ("result", saved.output.name),
            ("frames", record.output["frames"]),
            ("size", f"{record.output['cols']} x {record.output['rows']}"),
            ("stored as", f"{record.output['codec']}, {record.output['pixel_format']}"),
            ("source SHA-256", record.source["sha256"]),
            ("recipe", f"{result.recipe.name}, {record.recipe_sha256[:16]}"),
            ("policy", record.policy),
            ("cadence", facts["cadence"]["says"]),
            ("shots", len(facts["shots"])),
        ),
        "<h2>What was done</h2>",
        _steps(record),
    ]
    if warping := facts.get("warping_error"):
        saving = 1 - warping["steady"] / max(warping["frame_by_frame"], 1e-9)
        parts.append(
            f"<p>Warping error {warping['steady']:.2f}, frame by frame "
            f"{warping['frame_by_frame']:.2f} (squared codes of 255): {saving:.0%} less.</p>"
        )
    for step in record.steps:
        for name in ("gains", "offsets", "across", "down"):
            if name in step.measured:
                parts.append(f"<h3>{_e(step.step)}: {name}</h3>{_curve(step.measured[name])}")
    sheet = contact_sheet(result)
    if sheet is not None:
        picture = base64.b64encode(sheet).decode()
        parts.append(
            "<h2>Repairs, before and after</h2>"
            f'<img alt="Repairs before and after" src="data:image/png;base64,{picture}">'
        )
    if record.findings["events"] or record.warnings:
        words = [*record.warnings, *(
            f"Frame {e['frame']}: {e['kind']}. {e['says']}" for e in record.findings["events"][:200]
        )]  # fmt: skip
        parts.append("<h2>Met on the way</h2><ul>")
        parts += [f"<li>{_e(w)}</li>" for w in words]
        parts.append("</ul>")
    return _PAGE.format(title=_e(result.film.path.name), body="\n".join(parts))


def _tiles(
    result: FilmResult, chosen: Sequence[Repair]
) -> Iterator[tuple[Repair, np.ndarray, np.ndarray]]:
    film = result.film
    by_frame: dict[int, list[Repair]] = {}
    for repair in chosen:
        by_frame.setdefault(repair.frame, []).append(repair)
    for frame in _only(result, sorted(by_frame)):
        for repair in by_frame[frame.index]:
            after = apply(frame.planes, [repair], film.layout)
            yield (
                repair,
                _crop(frame.planes, repair, result),
                _crop(after, repair, result),
            )


def _only(result: FilmResult, indices: Sequence[int]) -> Iterator[Frame]:
    wanted = set(indices)
    if not wanted:
        return
    for frame in result.work.frames(indices[0], indices[-1] + 1):
        if frame.index in wanted:
            yield frame


def _crop(planes: Any, repair: Repair, result: FilmResult) -> np.ndarray:
    film = result.film
    w = repair.window
    side = min(max(w.rows, w.cols, 48) * 3 // 2, film.rows, film.cols)
    top = int(np.clip((w.top + w.bottom - side) // 2, 0, film.rows - side))
    left = int(np.clip((w.left + w.right - side) // 2, 0, film.cols - side))
    pixels = to_pixels(planes, film.layout, film.colour)[top : top + side, left : left + side]
    return _rgb(pixels)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    codes = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    return np.repeat(codes, 3, axis=2) if codes.shape[2] == 1 else codes


def _steps(record: Any) -> str:
    rows = "".join(
        f"<tr><td>{_e(s.step)}</td><td>{_e(s.reason)}</td><td>class {s.evidence}</td>"
        f"<td>{s.measured.get('repairs', '')}</td><td>{s.changed_share:.4%}</td></tr>"
        for s in record.steps
    )
    head = "<tr><th>step</th><th>why</th><th>evidence</th><th>repairs</th><th>pixels</th></tr>"
    return f"<table>{head}{rows}</table>"


def _table(*rows: tuple[str, Any]) -> str:
    cells = "".join(f"<tr><th>{_e(name)}</th><td>{_e(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _curve(values: Sequence[float]) -> str:
    """A line over the frames, with its least and greatest value."""
    if not values:
        return ""
    step = max(1, len(values) // 1000)
    shown = np.asarray(values[::step], np.float64)
    low, high = float(shown.min()), float(shown.max())
    span = (high - low) or 1.0
    points = " ".join(
        f"{800 * n / max(1, len(shown) - 1):.1f},{90 - 80 * (v - low) / span:.1f}"
        for n, v in enumerate(shown)
    )
    return (
        f'<svg viewBox="0 0 800 100" width="800" height="100"><polyline points="{points}" '
        f'fill="none" stroke="#246" stroke-width="1"/></svg><p>{low:.4g} to {high:.4g}</p>'
    )


def _e(value: Any) -> str:
    return html.escape(str(value))


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>body{{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
th{{text-align:left;padding-right:1rem;vertical-align:top}}td{{padding-right:1rem}}
img{{max-width:100%}}</style></head>
<body>
{body}
</body></html>
"""
