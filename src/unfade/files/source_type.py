"""IPTC's Digital Source Type in XMP: how a picture came to be, for machines that label pictures.

It follows from the evidence of a treatment and can only be raised: what a file already admits
(that a model made it) is never taken back.

Source: IPTC NewsCodes, digitalsourcetype, version of 2024-09; IPTC Photo Metadata 2023.1.
"""

from __future__ import annotations

import re
import xml.parsers.expat

from unfade.files.xmp import appended, as_utf8

PREFIX = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PROPERTY = f"{NAMESPACE} DigitalSourceType"

# what admits more comes later
ENHANCED = "algorithmicallyEnhanced"
HUMAN = "humanEdits"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
_ORDER = (ENHANCED, HUMAN, COMPOSITE, "trainedAlgorithmicMedia")


def source_type_of(classes: set[int], *, networks: bool) -> str | None:
    """The type that evidence calls for, or None where nothing was changed.

    Args:
        classes: those that occur in the evidence map, see ``unfade.record.Evidence``
        networks: whether a trained model had a part in it
    """
    if not classes - {0}:
        return None
    if networks or 4 in classes:
        return COMPOSITE
    return HUMAN if 5 in classes else ENHANCED


def source_type_in(packet: bytes | None) -> str | None:
    """The type that a packet states: its last word, e.g. ``print``; None where it states none."""
    plain = as_utf8(packet) if packet is not None else None
    found = _found(plain) if plain is not None else None
    if not found:
        return None
    return max((value.rpartition("/")[2] for _, value in found), key=_rank)


def with_source_type(packet: bytes, wanted: str) -> bytes:
    """The packet stating ``wanted``, or what it states already where that admits more.

    Args:
        packet: an XMP packet that parses, see ``unfade.files.xmp.parses``
    Returns:
        UTF-8; every other byte is as it was
    """
    plain = as_utf8(packet)
    found = _found(plain) if plain is not None else None
    if plain is None or found is None:
        return packet
    stated = source_type_in(packet)
    if stated is not None and _rank(stated) >= _rank(wanted):
        return packet
    for (start, end), value in sorted(found, reverse=True):
        # the value itself is what changes, in an attribute, an element or a resource
        part = plain[start:end].replace(value.encode(), (PREFIX + wanted).encode(), 1)
        plain = plain[:start] + part + plain[end:]
    if found:
        return plain
    text = (
        f'<Iptc4xmpExt:DigitalSourceType xmlns:Iptc4xmpExt="{NAMESPACE}">{PREFIX}{wanted}'
        "</Iptc4xmpExt:DigitalSourceType>"
    )
    return appended(plain, text)


def max_source_type(one: str | None, two: str | None) -> str | None:
    """Of two types the one that admits more; words that admit nothing give way."""
    return max((one, two), key=lambda word: -2 if word is None else _rank(word))


def _rank(word: str) -> int:
    return _ORDER.index(word) if word in _ORDER else -1


def _found(packet: bytes) -> list[tuple[tuple[int, int], str]] | None:
    """Where the property stands, as byte spans with its values; None where it cannot be parsed."""
    body = packet.rstrip(b"\0")
    parser = xml.parsers.expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    spans: list[tuple[tuple[int, int], str]] = []
    inside: list[int] = []
    texts: list[str] = []

    def refuse(*_: object) -> None:
        raise ValueError("a document type or an entity")

    def opened(name: str, attributes: dict[str, str]) -> None:
        start = parser.CurrentByteIndex
        if _PROPERTY in attributes:
            end = body.index(b">", start) + 1
            quoted = re.search(rb":DigitalSourceType\s*=\s*(\"[^\"]*\"|'[^']*')", body[start:end])
            if quoted:
                span = (start + quoted.start(1), start + quoted.end(1))
                spans.append((span, attributes[_PROPERTY]))
        if name == _PROPERTY:
            inside.append(start)
            texts.clear()
            if f"{_RDF} resource" in attributes:
                texts.append(attributes[f"{_RDF} resource"])

    def closed(name: str) -> None:
        if name == _PROPERTY and inside:
            value = "".join(texts).strip()
            if value:
                spans.append(((inside.pop(), parser.CurrentByteIndex), value))

    def heard(text: str) -> None:
        if inside:
            texts.append(text)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = heard
    try:
        parser.Parse(body, True)
    except (xml.parsers.expat.ExpatError, ValueError, RecursionError):
        return None
    return spans
