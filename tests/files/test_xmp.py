"""History in XMP: one event more, every other byte as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import CASES, XMP

from unfade import files
from unfade.files import xmp

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
MM = "{http://ns.adobe.com/xap/1.0/mm/}"
OPEN = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF[1:-1]}">'
CLOSE = "</rdf:RDF></x:xmpmeta>"
HISTORY = (
    f'<rdf:Description rdf:about="" xmlns:xmpMM="{MM[1:-1]}" xmlns:stEvt="{EVENT[1:-1]}">'
    '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="created"/></rdf:Seq></xmpMM:History>'
    "</rdf:Description>"
)
WITHIN = {
    "attributes only": '<rdf:Description rdf:about="" a:b="x &gt; y" xmlns:a="urn:a"/>',
    "quotes with brackets": "<rdf:Description rdf:about='' a:b='/>\"' xmlns:a='urn:a' />",
    "elements": '<rdf:Description rdf:about=""><a:b xmlns:a="urn:a">Köln</a:b></rdf:Description>',
    "history": HISTORY,
    "empty history": HISTORY.replace(
        '<rdf:Seq><rdf:li stEvt:action="created"/></rdf:Seq>', "<rdf:Seq/>"
    ),
    "two descriptions": '<rdf:Description rdf:about=""/>' + HISTORY,
}


def add(packet: bytes | None, parameters: str = "a < b") -> bytes:
    return xmp.with_history(packet, action="edited", parameters=parameters, software="unfade 1")


def events(packet: bytes) -> list[tuple[str, str, str]]:
    root = ET.fromstring(packet.rstrip(b"\0"))
    lists = root.findall(f"{RDF}RDF/{RDF}Description/{MM}History/{RDF}Seq")
    assert len(lists) == 1
    names = ("action", "parameters", "softwareAgent")
    return [
        tuple((e.findtext(EVENT + n) or e.get(EVENT + n) or "") for n in names)  # type: ignore[misc]
        for e in lists[0]
    ]


@pytest.mark.parametrize("kind", WITHIN)
@pytest.mark.parametrize("wrapped", [False, True])
def test_one_event_more_and_nothing_else(kind: str, wrapped: bool) -> None:
    packet = (OPEN + WITHIN[kind] + CLOSE).encode()
    if wrapped:
        packet = b'<?xpacket begin="" id="W5"?>' + packet + b"\n" * 90 + b'<?xpacket end="w"?>'
    assert xmp.parses(packet)
    once = add(packet)
    twice = add(once, "second")
    earlier = [("created", "", "")] if "created" in WITHIN[kind] else []
    first, second = ("edited", "a < b", "unfade 1"), ("edited", "second", "unfade 1")
    assert events(once) == [*earlier, first]
    assert events(twice) == [*earlier, first, second]
    # what was added is one piece; taking it out gives the original (an empty tag was opened)
    at = next(n for n in range(len(packet)) if packet[n] != once[n])
    tail = next(n for n in range(1, len(packet)) if packet[-n] != once[-n]) - 1
    assert len(packet) - at - tail <= 2


def test_no_packet_gives_a_fresh_one_and_always_the_same() -> None:
    assert events(add(None)) == [("edited", "a < b", "unfade 1")]
    assert add(None) == add(None)
    assert add(None).startswith(b"<?xpacket begin=")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml",
        b"<a/>",
        XMP[:-9],
        b'<!DOCTYPE x [<!ENTITY e "lol">]>' + XMP,
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x>&e;</x>',
        OPEN.encode() + b'<rdf:Description xmlns:m="%s" m:History="x"/>' % MM[1:-1].encode(),
        (OPEN + HISTORY.replace("rdf:Seq", "rdf:Other") + CLOSE).encode(),
    ],
)
def test_what_cannot_be_parsed_gives_a_fresh_packet(packet: bytes) -> None:
    assert not xmp.parses(packet)
    assert add(packet) == add(None)


def test_utf_16_is_recoded() -> None:
    packet = (OPEN + WITHIN["elements"] + CLOSE).encode("utf-16")
    assert "Köln".encode() in add(packet)
    assert len(events(add(packet))) == 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_can_be_parameters(text: str) -> None:
    printable = "".join(c for c in text if c in "\t\n" or c.isprintable())
    assert events(add(XMP, text))[0][1] == printable


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_let_an_error_out(data: bytes) -> None:
    assert len(events(add(data))) == 1
    assert len(events(add(XMP + data))) >= 1


@pytest.mark.parametrize("case", [c for c in CASES if c.metadata], ids=lambda c: c.id)
def test_history_is_written_into_every_format(case, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = files.open_picture(case.write(tmp_path / f"in{case.extension}", case.bands(9, 9)))
    packet = add(found.blocks.xmp)
    target = tmp_path / f"out{case.extension}"
    files.save_picture(target, found.picture, found, options=files.WriteOptions(xmp=packet))
    after = files.open_picture(target)
    assert after.blocks.xmp == packet
    assert after.blocks.exif == found.blocks.exif or case.extension == ".tif"
