"""Bad films: a clear error or a listed event, never a shortened film that passes for whole."""

from __future__ import annotations

import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_films import decoded_planes, frame_times, scene, write_film

from unfade.engines.bench import Bench
from unfade.errors import LimitExceeded, UnreadableInput, UnsupportedInput
from unfade.files.limits import Limits
from unfade.film.journey import FilmOptions, restore_film
from unfade.film.kinds import is_film
from unfade.film.probe import probe


def luma(frames: int, rows: int = 64, cols: int = 96) -> list[np.ndarray]:
    return [f.astype(np.uint8) for f in scene("pan", frames, rows, cols)]


def h264(path: Path, frames: int = 24, **more: object) -> Path:
    options = {"crf": "16", "g": "8", "bf": "0"}
    write_film(path, iter(luma(frames)), codec="libx264", options=options, **more)  # type: ignore[arg-type]
    return path


def test_a_film_that_ends_too_soon_is_refused(tmp_path: Path) -> None:
    for name in ("film.mkv", "film.mp4"):
        path = tmp_path / name
        write_film(path, iter(luma(60)), rate=Fraction(10), codec="libx264")
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 6 // 10])
        with pytest.raises(UnreadableInput, match=r"ends too soon|cut short"):
            probe(path)


def test_no_picture_no_frames_no_film(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode()]:
            out.mux(packet)
    with pytest.raises(UnreadableInput, match="no video stream; it holds audio"):
        probe(sound)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(UnreadableInput, match="empty"):
        probe(empty)
    noise = tmp_path / "noise.mkv"
    noise.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(UnreadableInput, match=r"container is damaged"):
        probe(noise)
    with pytest.raises(UnreadableInput, match="does not exist"):
        probe(tmp_path / "none.mkv")


def test_an_attached_picture_is_no_film(tmp_path: Path) -> None:
    from av.stream import Disposition

    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=8000, layout="mono")
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        for packet in [*cover.encode(picture.reformat(format="yuvj420p")), *cover.encode()]:
            out.mux(packet)
        for packet in [*sound.encode(frame), *sound.encode()]:
            out.mux(packet)
    with pytest.raises(UnreadableInput, match="attached cover picture is no film"):
        probe(path)


def test_playlists_do_not_reach_other_files(tmp_path: Path) -> None:
    h264(tmp_path / "secret.mp4")
    for name, text in (
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile secret.mp4\n"),
        ("list.mkv", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(UnreadableInput):
            probe(tmp_path / name)


def test_broken_packets_are_concealed_and_listed_or_stop(tmp_path: Path, bench: Bench) -> None:
    good = h264(tmp_path / "good.mkv")
    bad = tmp_path / "bad.mkv"
    with av.open(str(good)) as given, av.open(str(bad), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for n, packet in enumerate(given.demux(video=0)):
            if not packet.size:
                continue
            data = bytearray(bytes(packet))
            if n in (9, 10):
                data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
            fresh = av.Packet(bytes(data))
            fresh.pts, fresh.dts, fresh.time_base = packet.pts, packet.dts, packet.time_base
            fresh.is_keyframe = packet.is_keyframe
            fresh.stream = stream
            out.mux(fresh)
    target = tmp_path / "out.mkv"
    result = restore_film(bad, output=target, recipe="none", bench=bench)
    saved = result.save(target)
    assert frame_times(target) == frame_times(good), "no frame is lost"
    kinds = {e["kind"] for e in saved.record.findings["events"]}
    assert kinds & {"missing", "concealed"}
    with pytest.raises(UnreadableInput, match="--strict"):
        restore_film(bad, recipe="none", bench=bench, options=FilmOptions(strict=True))


def test_a_lost_frame_is_made_from_its_neighbours_and_listed(tmp_path: Path, bench: Bench) -> None:
    frames = [f.astype(np.uint8) for f in scene("pan", 9, 120, 160)]
    good, bad = tmp_path / "good.mkv", tmp_path / "bad.mkv"
    write_film(good, iter(frames))
    with av.open(str(good)) as given, av.open(str(bad), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for n, packet in enumerate(given.demux(video=0)):
            if not packet.size:
                continue
            fresh = av.Packet(b"\xff" * 12 if n == 4 else bytes(packet))
            fresh.pts, fresh.dts, fresh.time_base = packet.pts, packet.dts, packet.time_base
            fresh.is_keyframe, fresh.stream = True, stream
            out.mux(fresh)
    target = tmp_path / "out.mkv"
    result = restore_film(bad, output=target, only=["mend_frames"], bench=bench)
    result.save(target)
    (repair,) = result.repairs
    assert (repair.frame, repair.kind, repair.sources) == (4, "frame", (3, 5))
    made = decoded_planes(target)[4][0].astype(float)
    copied = np.abs(frames[3].astype(float) - frames[4]).mean()
    assert np.abs(made - frames[4]).mean() < 0.5 * copied


@pytest.mark.parametrize("count", [1, 2])
def test_one_frame_is_a_film(count: int, tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "short.mkv", tmp_path / "out.mkv"
    write_film(source, iter(luma(count)))
    restore_film(source, output=target, bench=bench).save(target)
    assert len(decoded_planes(target)) == count


def test_a_film_that_begins_before_zero_keeps_its_sound_in_step(
    tmp_path: Path, bench: Bench
) -> None:
    source = tmp_path / "early.mkv"
    write_film(source, iter(luma(8)), times=lambda n: n - 2,
               container_options={"avoid_negative_ts": "disabled"})  # fmt: skip
    assert probe(source).times[0] < 0
    target = tmp_path / "out.mkv"
    saved = restore_film(source, output=target, recipe="none", bench=bench).save(target)
    found = frame_times(target)
    assert np.allclose(np.diff([float(t) for t in found]), 1 / 24, atol=1.1e-3)
    assert float(found[0]) < 0 or any("begin" in w for w in saved.record.warnings)


def test_too_large_frames_are_refused_from_the_header(tmp_path: Path) -> None:
    path = h264(tmp_path / "film.mp4")
    with pytest.raises(LimitExceeded):
        probe(path, limits=Limits(area_mpx=0.001))


def test_a_size_that_changes_is_an_error(tmp_path: Path, bench: Bench) -> None:
    path = tmp_path / "film.mkv"
    small, large = tmp_path / "a.mkv", tmp_path / "b.mkv"
    write_film(small, iter(luma(4)), codec="mjpeg", pixel_format="yuv420p",
               change=lambda s: setattr(s.codec_context, "color_range", 2))  # fmt: skip
    write_film(large, iter(luma(4, 80, 96)), codec="mjpeg",
               change=lambda s: setattr(s.codec_context, "color_range", 2))  # fmt: skip
    with av.open(str(path), "w") as out:
        stream = None
        for k, part in enumerate((small, large)):
            with av.open(str(part)) as given:
                stream = stream or out.add_stream_from_template(given.streams.video[0])
                for packet in given.demux(video=0):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + 500 * k, packet.dts + 500 * k
                        packet.stream = stream
                        out.mux(packet)
    with pytest.raises(UnreadableInput, match="the size changes"):
        restore_film(path, recipe="none", bench=bench)


def test_pixels_that_are_not_handled_are_named(tmp_path: Path) -> None:
    path = tmp_path / "xyz.nut"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=24)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "xyz12le"
        for packet in [*stream.encode(av.VideoFrame(32, 32, "xyz12le")), *stream.encode()]:
            out.mux(packet)
    with pytest.raises(UnsupportedInput, match="xyz12le"):
        probe(path)


def test_missing_numbers_of_a_sequence_are_named(tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "source.mkv"
    write_film(source, iter(luma(5)))
    pattern = tmp_path / "f_%03d.png"
    restore_film(source, output=pattern, recipe="none", bench=bench).save(pattern)
    (tmp_path / "f_002.png").unlink()
    with pytest.raises(UnreadableInput, match="1 numbers are missing between 0 and 4"):
        probe(pattern)


def test_a_full_disk_is_an_error_and_leaves_no_film(tmp_path: Path) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    chance = np.random.default_rng(0)
    write_film(source, (chance.integers(0, 256, (120, 160)).astype(np.uint8) for _ in range(12)))
    limit = source.stat().st_size // 2

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ran = subprocess.run(
        [sys.executable, "-m", "unfade", "restore", str(source), "-o", str(target), "--recipe",
         "none"], capture_output=True, text=True, preexec_fn=small_disk, check=False,
    )  # fmt: skip
    assert ran.returncode == 7, ran.stderr
    assert "cannot be written" in ran.stderr
    assert not target.exists()


def test_films_are_told_from_pictures(clean_film: Path, tmp_path: Path) -> None:
    assert is_film(clean_film)
    assert is_film(h264(tmp_path / "film.bin.mp4"))
    assert is_film(Path("scan_%05d.dpx"))
    still = tmp_path / "still.mp4"
    still.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert not is_film(still)
    assert not is_film(tmp_path / "photo.jpg")
