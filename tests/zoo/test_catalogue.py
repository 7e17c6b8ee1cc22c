"""The table of networks, and what is refused in it."""

from __future__ import annotations

import pytest

from unfade.errors import ModelMissing, ModelRejected, UsageError
from unfade.zoo.catalogue import allowed, find, parse, refuse_licence
from unfade.zoo.catalogue import shipped as entries

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


def test_addresses_are_encrypted_and_files_are_named_once() -> None:
    """What an address gives is fixed by its SHA-256: one that moves ends in an error."""
    seen: dict[str, str] = {}
    for entry in entries():
        for file in entry.files:
            assert all(url.startswith("https://") for url in file.urls)
            if file.urls:
                assert seen.setdefault(file.name, file.sha256) == file.sha256, file.name


def test_networks_for_steps_state_their_tiling() -> None:
    for entry in entries():
        if entry.format == "ncnn":
            assert entry.tile_px > 2 * entry.halo_px
            assert (entry.halo_px == 0) == (entry.tiling == "whole"), entry.name
            assert entry.bytes_per_pixel > 0


def test_every_network_can_be_opened_by_something_here() -> None:
    from unfade.engines.opening import facts_of

    for entry in entries():
        facts = facts_of(entry)
        assert entry.format == "ncnn" or entry.architecture, entry.name
        if entry.shape != "mend" or entry.format == "ncnn":
            continue
        core = facts.tile_px - 2 * facts.halo_px
        assert core >= facts.multiple_of, entry.name
        assert core % facts.multiple_of == facts.halo_px % facts.multiple_of == 0, entry.name
        assert facts.tile_px**2 * facts.bytes_per_pixel <= 2_000_000_000, entry.name


def test_every_card_is_read_and_every_licence_is_placed() -> None:
    for entry in entries():
        assert "**Licence.**" in entry.card_text, entry.name
        assert entry.paper, entry.name
        noncommercial = "NC" in entry.licence or entry.licence == "S-Lab-1.0"
        assert (entry.commercial == "no") == noncommercial, entry.name


def test_the_choice_of_licences_keeps_networks_out() -> None:
    open_only = {e.name for e in entries() if allowed(e, "open-only")}
    usual = {e.name for e in entries() if allowed(e, "usual")}
    everything = {e.name for e in entries() if allowed(e, "noncommercial")}
    assert "gfpgan-1.4" in usual - open_only
    assert "codeformer" in everything - usual
    assert "scunet-real-psnr" in open_only
    assert len(everything) == len(entries())
    with pytest.raises(UsageError, match="Did you mean `open-only`"):
        allowed(find("codeformer"), "open_only")
    with pytest.raises(ModelRejected, match=r"forbids commercial use.*--licence noncommercial"):
        refuse_licence(find("codeformer"), "usual")


def test_every_network_that_a_step_names_is_shipped_or_added_by_hand() -> None:
    from unfade.steps import deblock, deblur, denoise, restore_faces
    from unfade.steps.inpaint import learned

    # exact size or SHA-256 are not known, so that they are not shipped
    by_hand = {"mat-places512", "latent-face-256", "latent-face-512"}
    tables = [deblock.NETWORKS, deblur.NETWORKS, denoise.NETWORKS, restore_faces.NETWORKS]
    for table in (*tables, learned.NETWORKS):
        for name in table.values():
            if name not in by_hand:
                assert find(name)


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
