"""What is not mended comes out as it went in: samples, times, sound, tags."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made_films import decoded_planes, frame_times, scene, write_film

from unfade.engines.bench import Bench
from unfade.errors import UsageError, WouldLose
from unfade.film.delivery import read_hashes
from unfade.film.journey import FilmOptions, restore_film
from unfade.film.layout import layout_named, pack
from unfade.film.mux import packet_hashes
from unfade.film.probe import probe


def copy(source: Path, target: Path, bench: Bench, **options: Any) -> Any:
    result = restore_film(
        source, output=target, recipe="none", bench=bench, options=FilmOptions(**options)
    )
    saved = result.save(target)
    result.discard()
    return saved


def equal(a: list[tuple[np.ndarray, ...]], b: list[tuple[np.ndarray, ...]]) -> bool:
    return len(a) == len(b) and all(
        np.array_equal(p, q) for x, y in zip(a, b) for p, q in zip(x, y, strict=True)
    )


def test_a_copy_has_the_same_samples_times_and_sound(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    saved = copy(clean_film, tmp_path / "copy.mkv", bench, segment_s=0.3)
    assert equal(decoded_planes(clean_film), decoded_planes(saved.output))
    assert frame_times(saved.output) == frame_times(clean_film)
    assert packet_hashes(saved.output) == packet_hashes(clean_film)
    assert len(packet_hashes(clean_film)["audio"]) == 1
    assert not list(tmp_path.glob(".*")), "the pieces are taken away"


def test_frames_that_are_coded_out_of_order_come_in_theirs(tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "film.mp4"
    frames = (f.astype(np.uint8) for f in scene("pan", 30, 96, 128))
    write_film(source, frames, codec="libx264", options={"bf": "3", "g": "12"})
    saved = copy(source, tmp_path / "copy.mkv", bench, segment_s=0.2)
    assert equal(decoded_planes(source), decoded_planes(saved.output))
    near = [abs(a - b) for a, b in zip(frame_times(source), frame_times(saved.output))]
    assert max(near) <= Fraction(1, 2000), "within half a tick of Matroska's clock"


def test_the_hashes_are_those_of_the_decoded_frames(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    saved = copy(clean_film, tmp_path / "copy.mkv", bench)
    found = [
        hashlib.sha256(b"".join(p.tobytes() for p in planes)).hexdigest()
        for planes in decoded_planes(saved.output)
    ]
    assert read_hashes(saved.hashes_file) == found


FORMATS = (
    "yuv420p", "yuv422p", "yuv444p", "yuv411p", "gray", "bgr0", "yuv420p10le", "yuv422p10le",
    "yuv444p12le", "gbrp10le", "gbrp16le", "gray12le", "gray16le", "yuva420p",
)  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_odd_sizes_are_kept_to_the_bit(
    name: str, tmp_path: Path, bench: Bench
) -> None:
    layout = layout_named(name)
    chance = np.random.default_rng(1)
    frames = [
        tuple(
            chance.integers(0, layout.top + 1, layout.shape(k, 37, 53)).astype(layout.dtype)
            for k in range(layout.count)
        )
        for _ in range(3)
    ]
    source = tmp_path / "source.mkv"
    write_film(source, iter(frames), pixel_format=name)
    saved = copy(source, tmp_path / "copy.mkv", bench)
    film = probe(saved.output)
    assert (film.layout.name, film.rows, film.cols) == (name, 37, 53)
    assert equal(decoded_planes(source), decoded_planes(saved.output))


@pytest.mark.parametrize("name", FORMATS)
def test_planes_survive_packing(name: str) -> None:
    from unfade.film.layout import unpack

    layout = layout_named(name)
    chance = np.random.default_rng(2)
    planes = tuple(
        chance.integers(0, layout.top + 1, layout.shape(k, 21, 35)).astype(layout.dtype)
        for k in range(layout.count)
    )
    assert all(map(np.array_equal, planes, unpack(pack(planes, layout), layout)))


def test_variable_rate_pixel_shape_and_colour_tags_are_kept(tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "vfr.mov"
    places = [0, 40, 100, 120, 310, 333, 400]

    def tagged(stream: Any) -> None:
        context = stream.codec_context
        context.sample_aspect_ratio = Fraction(16, 11)
        context.colorspace, context.color_primaries, context.color_trc = 5, 5, 4

    frames = (f.astype(np.uint8) for f in scene("still", 7, 48, 66))
    write_film(source, frames, codec="libx264", times=lambda n: places[n],
               time_base=Fraction(1, 1000), change=tagged)  # fmt: skip
    saved = copy(source, tmp_path / "copy.mkv", bench, segment_s=0.1)
    assert frame_times(saved.output) == [Fraction(t, 1000) for t in places]
    before, after = probe(source), probe(saved.output)
    assert before.colour == after.colour
    assert after.colour.sample_aspect == Fraction(16, 11)
    assert after.colour.matrix == 5
    assert before.variable_rate


def test_chapters_tags_and_attachments_are_kept(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    source = tmp_path / "rich.mkv"
    with av.open(str(clean_film)) as given, av.open(str(source), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in given.streams}
        streams[given.streams.audio[0].index].metadata["language"] = "fra"
        out.add_attachment("note.txt", "text/plain", b"a note")
        out.metadata["title"] = "Pan <b>& zoom"
        out.set_chapters([
            {"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000),
             "metadata": {"title": "One"}},
        ])  # fmt: skip
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    saved = copy(source, tmp_path / "copy.mkv", bench)
    with av.open(str(saved.output)) as found:
        assert found.metadata["title"] == "Pan <b>& zoom"
        assert [c["metadata"]["title"] for c in found.chapters()] == ["One"]
        assert found.streams.audio[0].metadata["language"] == "fra"
        attached = [s for s in found.streams if s.type == "attachment"]
        assert [(s.name, bytes(s.data)) for s in attached] == [("note.txt", b"a note")]


def test_what_a_container_cannot_hold_is_refused_before_the_work(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    source = tmp_path / "rich.mkv"
    with av.open(str(clean_film)) as given, av.open(str(source), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in given.streams}
        out.add_attachment("note.txt", "text/plain", b"a note")
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    with pytest.raises(WouldLose, match="attachment"):
        copy(source, tmp_path / "copy.mp4", bench, access="x264")
    assert [p.name for p in tmp_path.iterdir()] == ["rich.mkv"]
    saved = copy(source, tmp_path / "copy.mp4", bench, access="x264", allow_loss=True)
    assert any("attachment" in w for w in saved.record.warnings)


def test_a_turned_film_comes_out_upright(clean_film: Path, tmp_path: Path, bench: Bench) -> None:
    upright = tmp_path / "turned.mp4"
    with av.open(str(clean_film)) as given, av.open(str(upright), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        stream.set_display_rotation(90)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    film = probe(upright)
    assert film.quarter_turns in (1, 3)
    saved = copy(upright, tmp_path / "copy.mkv", bench)
    before, after = decoded_planes(clean_film), decoded_planes(saved.output)
    for old, new in zip(before[0], after[0], strict=True):
        assert np.array_equal(np.rot90(old, film.quarter_turns), new)
    assert any("upright" in w for w in saved.record.warnings)


@pytest.mark.parametrize("access", ["x264:20", "x265", "av1:40", "prores"])
def test_access_copies_have_all_frames_at_their_times(
    access: str, clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / ("copy.mov" if access == "prores" else "copy.mp4")
    source = tmp_path / "silent.mkv"
    frames = (f.astype(np.uint8) for f in scene("pan", 30, 96, 128))
    write_film(source, frames)
    saved = copy(source, target, bench, access=access, segment_s=0.4)
    before, after = decoded_planes(source), decoded_planes(saved.output)
    assert len(after) == 30
    near = [abs(a - b) for a, b in zip(frame_times(source), frame_times(saved.output))]
    assert max(near) <= Fraction(1, 1000)
    last = after[-1][0].astype(float) / (4 if after[-1][0].dtype == np.uint16 else 1)
    assert np.abs(last - before[-1][0]).mean() < 6, "the frames are in their order"


def test_a_name_that_cannot_hold_the_codec_is_refused(clean_film: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mkv"):
        restore_film(clean_film, output=tmp_path / "copy.mp4", recipe="none")
    with pytest.raises(UsageError, match="Did you mean `x26"):
        restore_film(clean_film, output=tmp_path / "a.mkv", recipe="none",
                     options=FilmOptions(access="x246"))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"), [(".png", "gray16le"), (".tif", "gbrp16le"), (".dpx", "gbrp10le")]
)
def test_sequences_of_pictures_come_back_to_the_bit(
    kind: str, name: str, tmp_path: Path, bench: Bench
) -> None:
    layout = layout_named(name)
    chance = np.random.default_rng(5)
    frames = [
        tuple(chance.integers(0, layout.top + 1, (24, 40)).astype(np.uint16)
              for _ in range(layout.count))
        for _ in range(5)
    ]  # fmt: skip
    source = tmp_path / "source.mkv"
    write_film(source, iter(frames), pixel_format=name)
    pattern = tmp_path / "scan" / f"f_%04d{kind}"
    copy(source, pattern, bench, segment_s=0.1)
    assert sorted(p.name for p in pattern.parent.glob(f"*{kind}")) == [
        f"f_{n:04d}{kind}" for n in range(5)
    ]
    saved = copy(pattern, tmp_path / "back.mkv", bench, rate=Fraction(18))
    assert equal(decoded_planes(source), decoded_planes(saved.output))
    assert probe(saved.output).rate == 18


def test_only_some_frames_and_a_preview(clean_film: Path, tmp_path: Path, bench: Bench) -> None:
    saved = copy(clean_film, tmp_path / "part.mkv", bench, frames=(5, 15))
    assert equal(decoded_planes(clean_film)[5:15], decoded_planes(saved.output))
    preview = copy(clean_film, tmp_path / "preview.mkv", bench, preview_s=0.25)
    assert equal(decoded_planes(clean_film)[9:15], decoded_planes(preview.output))
