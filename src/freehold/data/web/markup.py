"""XML from strangers: a flat stream of elements with their texts, without entities, within limits.

Owns the parser's defences: what declares entities or a document type with rules of its own is refused, nesting and
text are bounded, nothing is loaded. Knows nothing of sitemaps and feeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

__all__ = ["BadMarkupError", "Element", "read_elements"]

_PIECE = 1 << 16
_DEEPEST = 64
_LONGEST = 1 << 20


class BadMarkupError(ValueError):
    """XML that is not read; the text says why."""


class Element(NamedTuple):
    """An element that has ended.

    Attributes:
        path: The local names from the root to it.
        text: Its text and that of its children, in order.
        attributes: By local name.
    """

    path: tuple[str, ...]
    text: str
    attributes: dict[str, str]


@dataclass(slots=True)
class _Open:
    name: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)
    length: int = 0


class _Handler:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[_Open] = []
        self.done: list[Element] = []

    def _doctype(self, _name: str, _system: str | None, _public: str | None, has_internal: int) -> None:
        if has_internal:
            raise BadMarkupError("it declares a document type of its own")

    def _entity(self, *_words: object) -> None:
        raise BadMarkupError("it declares entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise BadMarkupError(f"it is nested more than {_DEEPEST} deep")
        self._open.append(_Open(_local(name), {_local(key): value for key, value in attributes.items()}))

    def _end(self, _name: str) -> None:
        path = tuple(each.name for each in self._open)
        ended = self._open.pop()
        text = "".join(ended.texts)
        if self._open:
            self._append(self._open[-1], text)
        self.done.append(Element(path, text, ended.attributes))

    def _text(self, text: str) -> None:
        if self._open:
            self._append(self._open[-1], text)

    def _append(self, element: _Open, text: str) -> None:
        # Only so much is kept, so that the root does not gather the whole document.
        room = _LONGEST - element.length
        if room > 0 and text:
            element.texts.append(text[:room])
            element.length += len(text[:room])


def read_elements(data: bytes) -> Iterator[Element]:
    """Yields the elements of a document, each when it ends.

    Raises:
        BadMarkupError: It is not well-formed, or tries something. What came before was yielded.
    """
    handler = _Handler()
    try:
        for start in range(0, len(data), _PIECE):
            handler.parser.Parse(data[start : start + _PIECE], False)
            yield from handler.done
            handler.done.clear()
        handler.parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, LookupError, ValueError) as error:
        yield from handler.done
        if isinstance(error, BadMarkupError):
            raise
        raise BadMarkupError(f"it is not well-formed XML: {str(error)[:200]}") from None
    yield from handler.done


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
