"""What a client is written about: a task as its server answers for it, and the names of its types.

Knows nothing of any language but that the name of a type is made of ASCII letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from freehold.task import Field

__all__ = ["Subject", "escaped", "type_names"]

_SUFFIXES: Mapping[str, str] = {"choice": "Label", "choices": "Label", "score": "Level", "spans": "Label"}
_SHORT: Mapping[str, str] = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


class Subject(NamedTuple):
    """A task as its server answers for it.

    Attributes:
        fields: Output fields, labels resolved.
        model: The champion's name, `mail@3`; empty where there is none.
        digest: The champion's.
    """

    task: str
    description: str
    inputs: tuple[str, ...]
    fields: tuple[Field, ...]
    model: str = ""
    digest: str = ""


def type_names(subject: Subject) -> Mapping[str, str]:
    """Returns field to the name of its labels' type, for each field that has labels.

    All of them end with `Label` or `Level`, perhaps with a number behind it, and no other type of a client does.

    Example:
        >>> from freehold.task import Field, Label
        >>> fields = (Field("a-b", "choice", labels=(Label("x"),)), Field("a_b", "score", labels=(Label("1"),)))
        >>> type_names(Subject("mail", "", ("text",), fields))
        {'a-b': 'ABLabel', 'a_b': 'ABLevel'}
    """
    names: dict[str, str] = {}
    for field in subject.fields:
        if field.labels:
            words = re.findall(r"[A-Za-z0-9]+", field.name)
            stem = "".join(word[0].upper() + word[1:] for word in words)
            start = "" if stem[:1].isalpha() else "Field"
            name = wanted = f"{start}{stem}{_SUFFIXES[field.kind]}"
            number = 1
            while name in names.values():
                number += 1
                name = f"{wanted}{number}"
            names[field.name] = name
    return names


def escaped(text: str, *, far: str) -> str:
    r"""Returns a text as a literal in double quotes. What cannot be seen is escaped: no label hides its neighbour.

    Args:
        far: How the language writes a character beyond U+FFFF, as a format of its number.

    Example:
        >>> print(escaped('a "b"\n', far="\\U{:08x}"))
        "a \"b\"\n"
    """
    return f'"{"".join(_SHORT.get(letter) or _visible(letter, far) for letter in text)}"'


def _visible(letter: str, far: str) -> str:
    code = ord(letter)
    if letter.isprintable():
        return letter
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else far.format(code)
