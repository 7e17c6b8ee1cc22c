"""The table of networks, and what is refused in it."""

from __future__ import annotations

import pytest

from unfade.errors import ModelMissing, ModelRejected
from unfade.zoo.catalogue import entries, find, parse

ENTRY = """
[[model]]
name = "n"
about = "a network"
task = "upscale"
format = "ncnn"
shape = "mend"
licence = "MIT"
paper = "none"
card = "realesrgan.md"
files = [{ role = "bin", path = "n.bin", bytes = 3, sha256 = "HASH", urls = ["https://x.org/n"] }]
""".replace("HASH", "ab" * 32)


def test_every_entry_has_hash_licence_paper_and_card() -> None:
    assert len(entries()) >= 8
    for entry in entries():
        assert all(len(file.sha256) == 64 and file.bytes > 0 for file in entry.files)
        assert entry.licence and entry.paper and entry.about and entry.task
        assert entry.card_text.startswith("# ")
        assert entry.sha256 == max(entry.files, key=lambda f: f.bytes).sha256
        assert entry.evidence in range(6)


def test_addresses_name_a_fixed_version() -> None:
    for entry in entries():
        for file in entry.files:
            for url in file.urls:
                assert url.startswith("https://")
                assert "/resolve/main/" not in url


def test_networks_for_steps_state_their_tiling() -> None:
    for entry in entries():
        if entry.format == "ncnn":
            assert entry.tile_px > 2 * entry.halo_px > 0
            assert entry.bytes_per_pixel > 0


def test_a_good_entry_is_read() -> None:
    (entry,) = parse(ENTRY)
    assert entry.files[0].name == "n.bin"


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("ab" * 32, "", "64 hexadecimal digits"),
        ("ab" * 32, "AB" * 32, "64 hexadecimal digits"),
        (', sha256 = "' + "ab" * 32 + '"', "", "sha256"),
        ("bytes = 3", "bytes = 0", "has 0 bytes"),
        ("https://", "ftp://", "neither http nor https"),
        ('urls = ["https://x.org/n"]', "urls = []", "neither a package nor an address"),
        ('path = "n.bin"', 'path = "../n.bin"', "not a plain path"),
        ('path = "n.bin"', 'path = "/n.bin"', "not a plain path"),
        ('path = "n.bin"', r'path = "..\\n.bin"', "not a plain path"),
        ('licence = "MIT"', 'license = "MIT"', "Did you mean `licence`"),
        ('licence = "MIT"', "", "licence"),
        ('"ncnn"', '"ckpt"', "has the format `ckpt`"),
        ("[[model]]", "[[model", "is not TOML"),
    ],
)
def test_a_faulty_entry_is_refused(old: str, new: str, says: str) -> None:
    assert old in ENTRY
    with pytest.raises(ModelRejected, match=says):
        parse(ENTRY.replace(old, new))


def test_a_name_used_twice_is_refused() -> None:
    with pytest.raises(ModelRejected, match="`n` more than once"):
        parse(ENTRY + ENTRY)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ModelMissing, match="Did you mean `yunet-2023mar`"):
        find("yunet-2032mar")
