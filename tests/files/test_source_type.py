"""IPTC's digital source type: it follows the evidence and can only be raised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unfade import restore
from unfade.files.source_type import (
    COMPOSITE,
    ENHANCED,
    HUMAN,
    PREFIX,
    source_type_in,
    source_type_of,
    with_source_type,
)
from unfade.files.xmp import with_history

EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def packet(inner: str = "", attributes: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EXT}">'
        f'<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    ("classes", "networks", "wanted"),
    [
        ({0}, False, None),
        ({0, 1}, False, ENHANCED),
        ({0, 2, 3}, False, ENHANCED),
        ({0, 5}, False, HUMAN),
        ({0, 2}, True, COMPOSITE),
        ({0, 4}, False, COMPOSITE),
        ({4, 5}, False, COMPOSITE),
    ],
)
def test_the_type_follows_the_evidence(
    classes: set[int], networks: bool, wanted: str | None
) -> None:
    assert source_type_of(classes, networks=networks) == wanted


@pytest.mark.parametrize(
    "before",
    [
        packet(),
        packet(attributes=f'e:DigitalSourceType="{PREFIX}print"'),
        packet(attributes=f"e:DigitalSourceType = '{PREFIX}print'"),
        packet(f"<e:DigitalSourceType>{PREFIX}print</e:DigitalSourceType>"),
        packet(f'<e:DigitalSourceType rdf:resource="{PREFIX}print"/>'),
        with_history(None, action="a", parameters="b", software="c"),
    ],
)
def test_it_is_stated_once_in_every_form(before: bytes) -> None:
    after = with_source_type(before, COMPOSITE)
    assert source_type_in(after) == COMPOSITE
    assert after.count(PREFIX.encode()) == 1
    assert with_source_type(after, ENHANCED) == after, "it is never lowered"


def test_what_a_file_admits_is_never_taken_back() -> None:
    made = packet(f"<e:DigitalSourceType>{PREFIX}trainedAlgorithmicMedia</e:DigitalSourceType>")
    assert with_source_type(made, COMPOSITE) == made


def test_nothing_else_in_the_packet_changes() -> None:
    before = packet("<!-- kept --><e:Event>Fête</e:Event>", f'e:DigitalSourceType="{PREFIX}print"')
    after = with_source_type(before, ENHANCED)
    assert after == before.replace(b"/print", f"/{ENHANCED}".encode())


@pytest.mark.parametrize("evil", [b"", b"no xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"])
def test_a_packet_that_is_none_is_left(evil: bytes) -> None:
    assert source_type_in(evil) is None
    assert with_source_type(evil, ENHANCED) == evil


def test_a_restored_file_carries_it(tmp_path: Path) -> None:
    samples = data.coffee()[:120, :160].copy()
    mask = np.zeros(samples.shape[:2], np.uint8)
    mask[40:44, 30:90] = 255
    samples[mask > 0] = 255
    generated = packet(
        f"<e:DigitalSourceType>{PREFIX}trainedAlgorithmicMedia</e:DigitalSourceType>"
    )
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for name, xmp, wanted in (
        ("plain", None, ENHANCED),
        ("generated", generated, "trainedAlgorithmicMedia"),
    ):
        source = tmp_path / f"{name}.jpg"
        extra = {"xmp": xmp} if xmp else {}
        Image.fromarray(samples).save(source, quality=95, **extra)
        restore(source, mask=tmp_path / "mask.png").save(tmp_path / f"{name}-out.jpg")
        with Image.open(tmp_path / f"{name}-out.jpg") as written:
            assert source_type_in(written.info["xmp"]) == wanted
