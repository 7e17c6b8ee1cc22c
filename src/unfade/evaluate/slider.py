"""Before and after under one line: a wipe as GIF, a slider as a page."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence

import numpy as np

from unfade.evaluate.display import Shown, data_uri
from unfade.evaluate.layout import Panel, printable

FRAMES, FRAME_MS, REST_MS = 24, 60, 700
_LINE = (255, 255, 255)

_STYLE = """
body{margin:0;padding:16px;background:#18181b;color:#e4e4e7;font:15px/1.5 system-ui,sans-serif}
figure{margin:0}.both{position:relative;display:inline-block;max-width:100%}
.both img{display:block;max-width:100%}
.both .top{position:absolute;inset:0;clip-path:inset(0 calc(100% - var(--at,50%)) 0 0)}
.both .line{position:absolute;top:0;bottom:0;left:var(--at,50%);width:2px;margin-left:-1px;
background:#fff;box-shadow:0 0 3px #000}
.both input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize}
.both:focus-within{outline:2px solid #56b4e9}
.row{display:flex;flex-wrap:wrap;gap:12px;margin-top:16px}.row img{max-width:100%}
""".strip()


def wipe_gif(before: Shown, after: Shown) -> bytes:
    """A line that wanders over the pictures and back: before to its left, after to its right."""
    from PIL import Image

    cols = before.shape[1]
    there = [round(cols * (1 + np.cos(np.pi * i / (FRAMES - 1))) / 2) for i in range(FRAMES)]
    places = there + there[-2:0:-1]
    both = np.concatenate([before, after], axis=1)
    palette = Image.fromarray(both).quantize(256, method=Image.Quantize.MEDIANCUT)
    frames = []
    for place in places:
        frame = after.copy()
        frame[:, :place] = before[:, :place]
        if 0 < place < cols:
            frame[:, place - 1 : place + 1] = _LINE
        frames.append(Image.fromarray(frame).quantize(palette=palette))
    times = [REST_MS if place in (0, cols) else FRAME_MS for place in places]
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False
    )
    return file.getvalue()


def slider_page(
    before: Shown, after: Shown, titles: tuple[str, str], panels: Sequence[Sequence[Panel]]
) -> str:
    """One page with a slider over the two pictures and all further panels."""
    first, second = (html.escape(printable(title)) for title in titles)
    rows = "".join(
        '<div class="row">'
        + "".join(
            f"<figure><figcaption>{html.escape(printable(title))}</figcaption>"
            f'<img alt="" src="{data_uri(codes, "png")}"></figure>'
            for title, codes in row
        )
        + "</div>"
        for row in panels
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{first} / {second}</title><style>{_STYLE}</style></head><body>
{slider(before, after, titles)}
{rows}</body></html>
"""


def slider(before: Shown, after: Shown, titles: tuple[str, str]) -> str:
    """The slider as a piece of a page that has ``_STYLE``; it works with the arrow keys too."""
    first, second = (html.escape(printable(title)) for title in titles)
    return (
        f"<figure><figcaption>{first} (left) and {second} (right): drag, or use the arrow keys"
        '</figcaption><div class="both">'
        f'<img alt="{second}" src="{data_uri(after)}">'
        f'<img class="top" alt="{first}" src="{data_uri(before)}"><span class="line"></span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{first} to {second}" '
        "oninput=\"this.parentNode.style.setProperty('--at',this.value+'%')\">"
        "</div></figure>"
    )
