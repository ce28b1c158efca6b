"""The pages of experts: one item at a time, many items in a table, and the door with a form for a key.

Owns their frame: what stands on them before an item is there. Items come through the API of reviews, which the
script in `script/` speaks to. Whatever comes from the task file is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from urllib.parse import quote

from freehold.pages.guidelines import html_guidelines
from freehold.pages.layout import lay_out, policy
from freehold.pages.review_controls import write_cell, write_control
from freehold.pages.safe_text import html_text
from freehold.task import Field, Task

__all__ = ["SCRIPT", "Reviewing", "review_policy", "review_script", "write_review_page", "write_signin_page"]

SCRIPT = "/review.js"
"""Where a server has the script of these pages."""

_PARTS = ("texts", "calls", "combobox", "spans", "controls", "worker", "item", "table", "start")
_SKIPS = ("I am not sure", "It is several at once", "The text cannot be read", "It does not belong here")
_KEYS = (
    ("1 to 9", "pick a label of the field that you are in, or mark what is selected"),
    ("a", "take what is suggested"),
    ("Ctrl + Enter", "save, and go on to the next item; works while you type"),
    ("x", "skip the item, with a reason"),
    ("u", "undo: take back your last answer"),
    ("f", "flag the item: something is wrong with it"),
    ("c", "write a comment"),
    ("g", "go to the guidelines"),
    ("/", "search"),
    ("Esc", "leave a line or a text, so that these keys work"),
    ("?", "this list"),
)


@dataclass(frozen=True, slots=True)
class Reviewing:
    """What a page of experts is about.

    Attributes:
        fields: The task's fields, with their labels as far as they are known.
        guidelines: Markdown; empty for none.
        expert: Who works, where the server knows; empty where the page asks.
        search: What the items are narrowed to, as `field` and `label`; empty for nothing.
    """

    task: Task
    fields: Sequence[Field]
    guidelines: str = ""
    expert: str = ""
    search: str = ""
    field: str = ""
    label: str = ""


def review_policy() -> str:
    """Returns the Content-Security-Policy of these pages."""
    return policy(_style(), script=SCRIPT)


@cache
def _style() -> str:
    return _read("review.css")


@cache
def review_script() -> str:
    """Returns the script: its parts one after the other, within one function."""
    parts = "\n".join(_read(f"{part}.js") for part in _PARTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _read(name: str) -> str:
    return (files("freehold.pages") / "script" / name).read_text(encoding="utf-8")


def write_review_page(shown: Reviewing, *, table: bool = False) -> str:
    """Returns the page on which items are judged, one at a time or many in a table."""
    body = [*_head(shown, table=table), *(_table(shown) if table else _item(shown)), *_dialogs(table)]
    return lay_out(f"{shown.task.name}: review", body, style=_style(), script=SCRIPT)


def _head(shown: Reviewing, *, table: bool) -> Iterator[str]:
    name = shown.task.name
    kind = "table" if table else "item"
    yield (
        f'<div id="review" data-page="{kind}" data-task="{escape(name)}" data-expert="{escape(shown.expert)}"'
        f' data-fields="{escape(json.dumps([field.name for field in shown.fields]))}">'
    )
    yield f'<header><h1>{html_text(name)}</h1><nav aria-label="Review">'
    path = f"/review/{quote(name)}"
    places = ((path, "One at a time", not table), (f"{path}/table", "Table", table))
    for place, words, here in places:
        yield f'<a href="{escape(place)}"{" aria-current=page" if here else ""}>{words}</a>'
    yield '<button type="button" id="help-button">Keys <kbd>?</kbd></button>'
    if shown.expert:
        yield '<form method="post" action="/signout"><button>Sign out</button></form>'
    yield '</nav><p class="quiet" id="who"></p></header>'
    yield from _search(shown)
    yield (
        "<noscript><p>This page needs its script, which comes from this server alone. Without it, type"
        " <code>freehold review</code>.</p></noscript>"
    )
    yield '<p id="said" role="status"></p><p id="trouble" role="alert"></p>'


def _search(shown: Reviewing) -> Iterator[str]:
    yield '<form method="get" role="search" class="search" aria-label="Items">'
    value = escape(shown.search)
    yield f'<label>Search <input type="search" name="search" maxlength="200" value="{value}"></label>'
    if len(shown.fields) > 1:
        yield '<label>Field <select name="field"><option value="">all</option>'
        for field in shown.fields:
            chosen = " selected" if field.name == shown.field else ""
            yield f'<option value="{escape(field.name)}"{chosen}>{html_text(field.name)}</option>'
        yield "</select></label>"
    if shown.task.review.suggestions == "shown":
        value = escape(shown.label)
        yield f'<label>Suggested <input name="label" maxlength="200" value="{value}" autocomplete="off"></label>'
    yield "<button>Show</button></form>"


def _item(shown: Reviewing) -> Iterator[str]:
    yield '<div class="columns"><div>'
    yield '<p class="progress"><progress id="progress" max="1" value="0" aria-label="Items done"></progress> '
    yield '<span id="counts" class="quiet"></span> <span id="timer" class="quiet"></span></p>'
    yield '<section id="item" aria-label="Item" tabindex="-1" hidden>'
    yield '<p id="kind" class="quiet"></p><div id="inputs"></div>'
    yield '<form id="answers" autocomplete="off">'
    for place, field in enumerate(shown.fields):
        yield from write_control(field, place=place)
    yield '<details id="more" aria-label="Comment"><summary>Comment</summary>'
    yield '<textarea id="comment" rows="2" maxlength="2000" aria-label="Comment" dir="auto"></textarea></details>'
    yield '<label class="option"><input type="checkbox" id="flag"><span>Something is wrong with it</span></label>'
    yield '<p class="actions"><button type="submit" class="main">Save <kbd>Ctrl</kbd> <kbd>Enter</kbd></button>'
    for id, words, key in (("take", "Take suggestions", "a"), ("skip", "Skip", "x"), ("undo", "Undo", "u")):
        yield f'<button type="button" id="{id}-button">{words} <kbd>{key}</kbd></button>'
    yield "</p></form></section>"
    yield '<section id="nothing" aria-label="No item" hidden><p id="why-nothing"></p>'
    yield '<p class="actions"><button type="button" id="again-button">Look again</button> '
    yield '<button type="button" id="undo-last-button">Undo</button></p></section></div>'
    yield '<aside aria-label="Guidelines">'
    guidelines = html_guidelines(shown.guidelines) if shown.guidelines else f"<p>{_about(shown)}</p>"
    yield f'<h2 id="guidelines" tabindex="-1">Guidelines</h2>{guidelines}</aside></div>'


def _about(shown: Reviewing) -> str:
    return html_text(shown.task.description) if shown.task.description else "There are none."


def _table(shown: Reviewing) -> Iterator[str]:
    for place, field in enumerate(shown.fields):
        yield from write_cell(field, place=place)
    yield '<div class="bulk actions" role="group" aria-label="Chosen items">'
    yield '<label class="option"><input type="checkbox" id="all"><span>All of this page</span></label>'
    yield '<button type="button" id="take-button">Take suggestions</button>'
    yield '<button type="button" id="save-button" class="main">Save chosen</button></div>'
    yield '<div class="scrolled"><table id="rows"><caption id="counts"></caption>'
    yield '<thead><tr><th scope="col">chosen</th><th scope="col">item</th>'
    for field in shown.fields:
        yield f'<th scope="col">{html_text(field.name)}</th>'
    yield '</tr></thead><tbody></tbody></table></div><p class="actions">'
    yield '<button type="button" id="before-button">Page before</button> '
    yield '<button type="button" id="after-button">Next page</button></p>'


def _dialogs(table: bool) -> Iterator[str]:
    yield '<dialog id="name-dialog" aria-labelledby="name-title"><form method="dialog">'
    yield '<h2 id="name-title">Who are you?</h2><p>What you say is recorded under this name.</p>'
    yield '<label>Name <input id="name" maxlength="64" pattern="[a-z0-9][a-z0-9\\-]{0,63}" required'
    yield ' title="1 to 64 of a-z, 0-9 and hyphen" autocapitalize="none" autocomplete="username"></label>'
    yield '<p class="actions"><button class="main">Begin</button></p></form></dialog>'
    yield '<dialog id="help-dialog" aria-labelledby="help-title"><form method="dialog">'
    yield '<h2 id="help-title">Keys</h2><dl>'
    for keys, words in () if table else _KEYS:
        yield f"<dt><kbd>{escape(keys)}</kbd></dt><dd>{words}</dd>"
    if table:
        yield "<dt><kbd>?</kbd></dt><dd>this list</dd><dt><kbd>/</kbd></dt><dd>search</dd>"
    yield "</dl>"
    yield '<label class="option"><input type="checkbox" id="single" checked><span>Single keys work</span></label>'
    yield '<p class="actions"><button class="main" autofocus>Close</button></p></form></dialog>'
    if not table:
        yield '<dialog id="skip-dialog" aria-labelledby="skip-title"><form method="dialog">'
        yield '<h2 id="skip-title">Skip: why?</h2><div class="options">'
        for number, words in enumerate(_SKIPS, 1):
            yield f'<label class="option"><input type="radio" name="why" value="{words}"><span><kbd>{number}</kbd>'
            yield f" {words}</span></label>"
        yield '</div><label>Or <input id="why" maxlength="200" aria-label="Another reason" dir="auto"></label>'
        yield '<p class="actions"><button class="main" value="skip">Skip</button>'
        yield '<button value="" formnovalidate>Cancel</button></p></form></dialog>'
    yield "</div>"


def write_signin_page(*, to: str, problem: str = "") -> str:
    """Returns the page with a form that takes a key.

    Args:
        to: Where the browser goes on to.
        problem: What is wrong with the key that was sent.
    """
    body = ["<h1>Sign in</h1>"]
    if problem:
        body.append(f'<p role="alert" id="problem">{html_text(problem)}</p>')
    body += [
        '<form method="post" action="/signin" class="door">',
        f'<input type="hidden" name="to" value="{escape(to)}">',
        '<label>Key <input type="password" name="key" autocomplete="current-password" required autofocus></label>',
        '<p class="actions"><button class="main">Sign in</button></p></form>',
        '<p class="quiet">A key has the scope <code>review</code>:'
        " <code>freehold keys create --name NAME --scopes review</code>."
        " The browser keeps a session of twelve hours, not the key.</p>",
    ]
    return lay_out("Sign in", body, style=_style(), script=SCRIPT)
