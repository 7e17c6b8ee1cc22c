"""XMP packets: adding one line of history, leaving every other byte as it was.

The event has no date, so that the same run writes the same bytes. Packets come from strangers:
a document type or an entity is refused by the parser before anything can expand.
"""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_FRESH = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + _RDF + '">'
    '<rdf:Description rdf:about=""></rdf:Description>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def with_history(packet: bytes | None, *, action: str, parameters: str, software: str) -> bytes:
    """The packet with one more event in ``xmpMM:History``.

    Args:
        packet: the original, or None. One that cannot be parsed, or whose history is not a
            list, is answered with a fresh packet: ask ``parses`` first if that matters
        action, parameters, software: stEvt:action, stEvt:parameters, stEvt:softwareAgent
    Returns:
        UTF-8 bytes; but for the event they are those of ``packet`` (one in UTF-16 is recoded)
    """
    plain = as_utf8(packet) if packet is not None else None
    places = _places(plain) if plain is not None else None
    if plain is None or places is None:
        plain = _FRESH.encode()
        places = _places(plain)
        assert places is not None
    event = (
        f'<rdf:li xmlns:rdf="{_RDF}" xmlns:stEvt="{_EVENT}" rdf:parseType="Resource">'
        f"<stEvt:action>{_text(action)}</stEvt:action>"
        f"<stEvt:parameters>{_text(parameters)}</stEvt:parameters>"
        f"<stEvt:softwareAgent>{_text(software)}</stEvt:softwareAgent></rdf:li>"
    )
    if places.events is not None:
        return _put(plain, places.events, event)
    history = (
        f'<xmpMM:History xmlns:xmpMM="{_MM}"><rdf:Seq xmlns:rdf="{_RDF}">{event}'
        "</rdf:Seq></xmpMM:History>"
    )
    assert places.description is not None
    return _put(plain, places.description, history)


def parses(packet: bytes) -> bool:
    """Whether history can be added to this packet without giving up what it holds."""
    plain = as_utf8(packet)
    return plain is not None and _places(plain) is not None


def appended(packet: bytes, text: str) -> bytes:
    """The packet with ``text`` at the end of its first description; as it is where none is."""
    places = _places(packet)
    if places is None or places.description is None:
        return packet
    return _put(packet, places.description, text)


@dataclass(slots=True)
class _Places:
    """Where to insert, see ``_put``."""

    description: tuple[int, int] | None = None
    events: tuple[int, int] | None = None
    strange: bool = False  # a history that is not a list
    stack: list[tuple[str, int]] = field(default_factory=list)


class _RefusedError(Exception):
    pass


def _places(packet: bytes) -> _Places | None:
    """The first description and the history's list, or None if nothing can be inserted."""
    places = _Places()
    parser = xml.parsers.expat.ParserCreate(encoding="utf-8", namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise _RefusedError

    def opened(name: str, attributes: dict[str, str]) -> None:
        places.stack.append((name, parser.CurrentByteIndex))
        if f"{_MM} History" in attributes:
            places.strange = True

    def closed(name: str) -> None:
        _, start = places.stack.pop()
        span = (start, parser.CurrentByteIndex)
        parent = places.stack[-1][0] if places.stack else ""
        if name == f"{_RDF} Description" and parent == f"{_RDF} RDF":
            places.description = places.description or span
        if parent == f"{_MM} History":
            if name in (f"{_RDF} Seq", f"{_RDF} Bag", f"{_RDF} Alt"):
                places.events = places.events or span
            else:
                places.strange = True
        if name == f"{_MM} History" and places.events is None:
            places.strange = True

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    body = packet.rstrip(b"\0")
    try:
        parser.Parse(body, True)
    except (xml.parsers.expat.ExpatError, _RefusedError, ValueError, RecursionError):
        return None
    if places.strange or (places.events is None and places.description is None):
        return None
    return places


def _put(packet: bytes, span: tuple[int, int], text: str) -> bytes:
    """The packet with ``text`` as the last thing in an element; an empty tag is opened for it.

    Args:
        span: start of the opening tag, and start of the closing tag or, where there is none, the
            end of the empty tag, as the parser reports it
    """
    start, end = span
    name = packet[start + 1 : end].split(b">")[0].split()[0].rstrip(b"/")
    if packet.startswith(b"</" + name, end):  # neither element can lie in one of its own name
        return packet[:end] + text.encode() + packet[end:]
    return packet[: end - 2] + b">" + text.encode() + b"</" + name + b">" + packet[end:]


def as_utf8(packet: bytes) -> bytes | None:
    """The packet in UTF-8, whichever it was in; None where it cannot be decoded."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if packet.startswith(mark):
            try:
                return packet.decode(encoding).encode()
            except UnicodeDecodeError:
                return None
    return packet


def _text(plain: str) -> str:
    """Text safe between tags; characters that XML cannot hold are left out."""
    return escape("".join(c for c in plain if c in "\t\n" or c.isprintable()))
