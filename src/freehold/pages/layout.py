"""What every page looks like: its frame, its style sheet, tables, lists, pictures beside their numbers.

No page loads anything from elsewhere, and only those of reviewers run a script, which this server sends; `policy`
makes a browser hold them to that. Text that comes in is escaped here. Knows nothing of what pages are about.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape

__all__ = ["html_list", "html_pair", "html_table", "lay_out", "moment", "policy"]

_STYLE = """
:root { color-scheme: light dark;
  --ink: #1b1b1f; --paper: #fff; --quiet: #5c5c66; --rule: #d9d9e0; --mark: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --paper: #17171a; --quiet: #a5a5b0; --rule: #3a3a42; --mark: #7fb0ff; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 68rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem;
  margin: 0.5rem 0 1rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.25rem; }
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; vertical-align: top; }
td:first-child { min-width: 5rem; } th { white-space: nowrap; }
th.number, td.number { text-align: right; white-space: nowrap; }
a { color: var(--mark); }
li, p { overflow-wrap: anywhere; }
.pair { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
svg { width: 28rem; max-width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; text-anchor: middle; }
svg text.up { text-anchor: end; } svg text.down { text-anchor: start; }
.grid { stroke: var(--rule); } .guide { stroke: var(--quiet); stroke-dasharray: 4 4; fill: none; }
.band { fill: var(--mark); opacity: 0.18; } .line, .bar { stroke: var(--mark); fill: none; stroke-width: 1.5; }
.dot { fill: var(--mark); } .was { stroke: var(--quiet); fill: none; }
.quiet { color: var(--quiet); }
"""
_BOUNDS = "form-action 'self'; base-uri 'none'"


_SCRIPTED = "script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"


def policy(style: str = "", *, script: str = "") -> str:
    """Returns the Content-Security-Policy of pages that were laid out with `style` and `script`.

    Their own style sheet, their own form, their own script, nothing else; and no script may make markup of text.
    """
    return f"{_allow(style, script)}; frame-ancestors 'none'"


def _allow(style: str, script: str) -> str:
    name = b64encode(sha256(f"{_STYLE}{style}".encode()).digest()).decode()
    runs = f"{_SCRIPTED}; " if script else ""
    return f"default-src 'none'; style-src 'sha256-{name}'; {runs}{_BOUNDS}"


def lay_out(title: str, body: Iterable[str], *, style: str = "", script: str = "") -> str:
    """Returns a whole page.

    Args:
        title: Plain text.
        body: HTML, in which whatever came from outside is escaped.
        style: What this kind of page adds to the style sheet.
        script: Where this kind of page has its script; empty where it has none.
    """
    run = [f'<script src="{escape(script)}" defer></script>'] if script else []
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
            f'<meta http-equiv="Content-Security-Policy" content="{_allow(style, script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            *run,
            f"<style>{_STYLE}{style}</style></head>",
            "<body><main>",
            *body,
            "</main></body></html>\n",
        ]
    )


def html_pair(picture: str, table: str) -> str:
    """Returns a picture with the table of its numbers beside it."""
    return f'<div class="pair">{picture}\n<div>{table}</div></div>'


def html_list(lines: Iterable[str]) -> str:
    """Returns lines of text as a list."""
    return "\n".join(["<ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"])


def html_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str) -> str:
    """Returns a table of plain text. A column whose name starts with `>` is aligned to the right."""
    kinds = [' class="number"' if column.startswith(">") else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.removeprefix(">"))}</th>'
        for kind, column in zip(kinds, columns, strict=True)
    )
    body = (
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return "\n".join(
        [
            f"<table><caption>{escape(caption)}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *body,
            "</tbody></table>",
        ]
    )


def moment(time: str) -> str:
    """Returns a recorded time (ISO 8601, UTC) as people read it, to the second."""
    return f"{time[:10]} {time[11:19]} UTC"
