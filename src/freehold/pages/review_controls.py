"""The controls by which a person gives a value to a field, one shape for each kind of field.

Owns their markup and their names; the script of the review page fills them and reads them. Few labels are shown
all at once, each with its digit; many are searched by typing (the combobox of the WAI-ARIA practices, 1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape

from freehold.pages.safe_text import html_text
from freehold.task import Field, FieldKind

__all__ = ["FEW", "write_cell", "write_control"]

FEW = 9
"""So many labels are shown all at once: each has a digit."""

_FEW_SCORES = 15


def write_control(field: Field, *, place: int) -> Iterator[str]:
    """Yields one field of the form in which an item is judged.

    Args:
        place: Which field of the task it is; makes its names on the page unique.
    """
    described = f' aria-describedby="f{place}-about"' if field.description else ""
    yield (
        f'<fieldset class="field" id="f{place}" data-field="{escape(field.name)}" data-kind="{field.kind}"'
        f"{described} hidden>"
    )
    yield f"<legend>{html_text(field.name)}</legend>"
    if field.description:
        yield f'<p class="quiet" id="f{place}-about">{html_text(field.description)}</p>'
    yield '<div class="thoughts"></div>'
    yield from _CONTROLS[field.kind](field, f"f{place}")
    yield "</fieldset>"


def _choice(field: Field, id: str) -> Iterator[str]:
    if _is_short(field):
        yield from _options(field, id, kind="radio")
    else:
        yield from _combobox(field, id, name=f"{field.name}: search for a label")


def _choices(field: Field, id: str) -> Iterator[str]:
    if _is_short(field):
        yield from _options(field, id, kind="checkbox")
    else:
        yield f'<ul class="chosen" aria-label="{escape(field.name)}: chosen labels"></ul>'
        yield from _combobox(field, id, name=f"{field.name}: search for labels")


def _spans(field: Field, id: str) -> Iterator[str]:
    yield '<div class="regions"></div>'
    if _is_short(field):
        yield f'<div class="markers" role="group" aria-label="{escape(field.name)}: mark what is selected as">'
        for number, label in enumerate(field.labels or (), 1):
            about = f' title="{escape(label.description)}"' if label.description else ""
            shown = html_text(label.name)
            yield (
                f'<button type="button" class="marker" data-value="{escape(label.name)}"{about}>'
                f"<kbd>{number}</kbd> {shown}</button>"
            )
        yield "</div>"
    else:
        yield from _combobox(field, id, name=f"{field.name}: mark what is selected as")
    yield f'<ul class="spans" aria-label="{escape(field.name)}: marked spans"></ul>'


def _predicate(field: Field, id: str) -> Iterator[str]:
    yield '<div class="options">'
    for number, (value, shown) in enumerate((("true", "yes"), ("false", "no")), 1):
        yield _option(id, "radio", value=value, shown=shown, number=number, about="")
    yield "</div>"


def _score(field: Field, id: str) -> Iterator[str]:
    if field.labels and len(field.labels) <= _FEW_SCORES:
        yield from _options(field, id, kind="radio")
    else:
        yield from _line(field, id, mode="numeric", name=f"{field.name}: a whole number")


def _number(field: Field, id: str) -> Iterator[str]:
    yield from _line(field, id, mode="decimal", name=f"{field.name}: a number")


def _text(field: Field, id: str) -> Iterator[str]:
    yield f'<textarea id="{id}-text" aria-label="{escape(field.name)}: text" rows="4" dir="auto"></textarea>'


_CONTROLS: Mapping[FieldKind, Callable[[Field, str], Iterator[str]]] = {
    "choice": _choice,
    "choices": _choices,
    "predicate": _predicate,
    "score": _score,
    "number": _number,
    "spans": _spans,
    "text": _text,
}


def _is_short(field: Field) -> bool:
    return field.labels is not None and len(field.labels) <= FEW


def _line(field: Field, id: str, *, mode: str, name: str) -> Iterator[str]:
    yield (
        f'<input type="text" id="{id}-line" inputmode="{mode}" autocomplete="off" spellcheck="false"'
        f' aria-label="{escape(name)}">'
    )


def _options(field: Field, id: str, *, kind: str) -> Iterator[str]:
    yield '<div class="options">'
    for number, label in enumerate(field.labels or (), 1):
        yield _option(id, kind, value=label.name, shown=label.name, number=number, about=label.description)
    yield "</div>"


def _option(id: str, kind: str, *, value: str, shown: str, number: int, about: str) -> str:
    digit = f"<kbd>{number}</kbd> " if number <= FEW else ""
    more = f' <span class="quiet">{html_text(about)}</span>' if about else ""
    return (
        f'<label class="option"><input type="{kind}" name="{id}" value="{escape(value)}">'
        f"<span>{digit}{html_text(shown)}{more}</span></label>"
    )


def _combobox(field: Field, id: str, *, name: str) -> Iterator[str]:
    """Yields a text line with a list below it. Where any label may be given, the list has those of this visit."""
    free = "" if field.labels is not None else " data-free"
    hint = "type a label" if field.labels is None else f"type to search {len(field.labels)} labels"
    yield f'<div class="combobox"{free}>'
    yield (
        f'<input type="text" id="{id}-line" role="combobox" aria-autocomplete="list" aria-expanded="false"'
        f' aria-controls="{id}-list" autocomplete="off" spellcheck="false" placeholder="{hint}"'
        f' aria-label="{escape(name)}">'
    )
    yield f'<ul id="{id}-list" role="listbox" aria-label="{escape(field.name)}: labels" hidden>'
    for number, label in enumerate(field.labels or ()):
        about = f' <span class="quiet">{html_text(label.description)}</span>' if label.description else ""
        yield (
            f'<li role="option" id="{id}-o{number}" aria-selected="false" data-value="{escape(label.name)}">'
            f"{html_text(label.name)}{about}</li>"
        )
    yield "</ul></div>"


def write_cell(field: Field, *, place: int) -> Iterator[str]:
    """Yields one field of a row of the bulk table, and the labels that its line offers.

    Labels of several at once and spans are only taken as they are suggested: to give others, one item is shown
    at a time.
    """
    if field.kind in ("choices", "spans"):
        return
    yield f'<template data-field="{escape(field.name)}">'
    if field.kind == "predicate":
        yield '<select><option value="">no answer</option><option value="true">yes</option>'
        yield '<option value="false">no</option></select>'
    elif field.kind == "text":
        yield '<textarea rows="2" dir="auto"></textarea>'
    else:
        listed = f' list="labels{place}"' if field.labels else ""
        yield f'<input type="text" autocomplete="off" spellcheck="false"{listed}>'
    yield "</template>"
    if field.kind in ("choice", "score") and field.labels:
        options = "".join(f'<option value="{escape(label.name)}"></option>' for label in field.labels)
        yield f'<datalist id="labels{place}">{options}</datalist>'
