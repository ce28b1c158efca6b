"""`freehold data`: where the task's rows come from, where they went, what may be done with them, what changed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Annotated, Any

import typer

from freehold.app.cli.datasheets import write_croissant, write_datasheet
from freehold.app.cli.drawings import draw_funnel
from freehold.app.cli.hints import command_line
from freehold.app.cli.inventory import Inventory, Step, find_earlier, take
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.page import html_list, html_pair, html_table, lay_out
from freehold.app.cli.paper import moment, print_document, print_line, print_table
from freehold.app.cli.progress import show_progress
from freehold.errors import UserError

__all__ = ["data"]

_BAR = 40
_REASONS = 4
_FUNNEL = ("step", ">rows left", ">taken out", "most often")
_SOURCES = ("source", ">rows", "licence", "read", "digest")
_LICENCES = ("licence", ">examples", "commercial", "changes", "name makers", "share alike")
_RULES = ("rule", ">texts", ">times", "what it did")
_DRIFT = ("field", ">distance", "largest changes")

_FILE = {"metavar": "FILE", "show_default": False}

Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="VERSION",
        help="Compare with the data of this version: `3` or `task@3`. Default: the one in service.",
        show_default=False,
    ),
]


def data(
    folder: Folder = Path(),
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one page of HTML.", **_FILE)] = None,
    datasheet: Annotated[
        Path | None, typer.Option("--datasheet", help="Write a datasheet in Markdown.", **_FILE)
    ] = None,
    croissant: Annotated[
        Path | None,
        typer.Option("--croissant", help="Write Croissant metadata, and examples.jsonl beside it.", **_FILE),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask web sites for what changed since they were fetched.")
    ] = False,
    since: Since = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Collect the data, train nothing, and show where rows went, what may be done with them and what changed."""
    from freehold.line import collect_data

    with opened(folder, state=state) as here:
        earlier = find_earlier(here, since)
        with show_progress(("data.collect",), plain=False, quiet=as_json) as tell:
            collected = collect_data(here.task, shelf=here.shelf, refresh=refresh, tell=tell)
        found = take(here, collected.examples, earlier=earlier)
        written = _write_files(
            found, collected.examples.folder, html=html, datasheet=datasheet, croissant=croissant
        )
    if as_json:
        print_document({**found.to_json(), **({"files": [str(path) for path in written]} if written else {})})
        return Code.DONE
    for path in written:
        print_line(f"Written: {path}")
    if not written:
        _show(found)
        print_line(f"Next: {command_line('run', folder, state=state)}")
    return Code.DONE


def _write_files(
    found: Inventory, folder: Path, *, html: Path | None, datasheet: Path | None, croissant: Path | None
) -> list[Path]:
    written = []
    if html:
        written.append(_write(html, "".join(write_page(found))))
    if datasheet:
        written.append(_write(datasheet, write_datasheet(found)))
    if croissant:
        examples = (folder / "examples.jsonl").read_bytes()
        metadata = write_croissant(found, sha256=hashlib.sha256(examples).hexdigest())
        written.append(_write(croissant, json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"))
        written.append(_write(croissant.parent / "examples.jsonl", examples.decode()))
    return written


def _write(path: Path, text: str) -> Path:
    try:
        path.write_bytes(text.encode())
    except OSError as problem:
        hint = "Name a file in a folder that is there."
        raise UserError(f"`{path}` cannot be written: {problem.strerror}.", hint=hint) from problem
    return path


def _show(found: Inventory) -> None:
    drawn = sys.stdout.isatty() and (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    if drawn:
        most = max(step.left for step in found.funnel) or 1
        for step in found.funnel:
            print_line(f"{step.name:>22} ▕{'█' * round(_BAR * step.left / most)} {step.left:,}")
        print_line()
    print_table(_FUNNEL, _funnel_rows(found), title=f"{found.task.name}: from rows to examples")
    for step in found.funnel:
        for sample in step.samples:
            print_line(f"  {step.name}: {sample}")
    print_line(f"Examples: {found.splits}.")
    print_table(_SOURCES, _source_rows(found), title="sources")
    print_table(
        _LICENCES, _licence_rows(found), title="licences: what is known of what they allow; no legal advice"
    )
    if found.report["cleaning"]:
        print_table(_RULES, _rule_rows(found), title="cleaning")
    if found.drift:
        print_table(_DRIFT, _drift_rows(found.drift), title=_drift_title(found.drift))
    for warning in found.report["warnings"]:
        print_line(f"  - {warning['message']}")


def _funnel_rows(found: Inventory) -> list[tuple[str, ...]]:
    return [
        (step.name, f"{step.left:,}", f"{step.gone:,}" if step.gone else "", _often(step)) for step in found.funnel
    ]


def _often(step: Step) -> str:
    reasons = sorted(step.reasons.items(), key=lambda item: -item[1])
    return "; ".join(f"{reason} ({count:,})" for reason, count in reasons[:_REASONS] if count)


def _source_rows(found: Inventory) -> list[tuple[str, ...]]:
    return [
        (each["uri"], f"{each['rows']:,}", each["licence"], moment(each["noted"]), each["digest"][:12])
        for each in found.sources
    ]


def _licence_rows(found: Inventory) -> list[tuple[str, ...]]:
    rows = []
    for name, each in found.report["licences"].items():
        uses = each["uses"]
        words = ["yes" if allowed else "no" for allowed in uses.values()] if uses else ["?"] * 4
        rows.append((name or "(unknown)", f"{each['examples']:,}", *words))
    return rows


def _rule_rows(found: Inventory) -> list[tuple[str, ...]]:
    cleaning = found.report["cleaning"]
    dropped = [(name, f"{t['texts']:,}", "", "dropped the row") for name, t in cleaning["dropped"].items()]
    changed = [
        (name, f"{t['texts']:,}", f"{t['times']:,}", "found or changed") for name, t in cleaning["found"].items()
    ]
    return [*dropped, *changed]


def _drift_rows(drift: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            field,
            f"{each['distance']:.3f}",
            ", ".join(f"{c['label']} {c['before']:.1%} to {c['now']:.1%}" for c in each["largest"]),
        )
        for field, each in drift["fields"].items()
    ]


def _drift_title(drift: Mapping[str, Any]) -> str:
    words = drift["words"]
    return (
        f"since {drift['against']}: {drift['added']:,} added, {drift['removed']:,} gone, "
        f"{drift['relabelled']:,} with other labels; median words {words['before']:g}, now {words['now']:g}"
    )


def write_page(found: Inventory) -> str:
    """Returns the inventory as one page of HTML."""
    return lay_out(f"{found.task.name}: data", _body(found))


def _body(found: Inventory) -> Iterator[str]:
    yield f"<h1>{escape(found.task.name)}: data</h1>"
    yield f'<p class="quiet">{escape(found.task.description)} Digest {escape(found.digest)}</p>'
    yield "<h2>From rows to examples</h2>"
    picture = draw_funnel([(step.name, step.left) for step in found.funnel])
    yield html_pair(picture, html_table(_FUNNEL, _funnel_rows(found), caption="Where rows went"))
    samples = [f"{step.name}: {sample}" for step in found.funnel for sample in step.samples]
    if samples:
        yield html_list(samples)
    yield "<h2>Where it comes from</h2>"
    yield html_table(_SOURCES, _source_rows(found), caption="Sources as they were last read")
    yield html_table(_LICENCES, _licence_rows(found), caption="Licences: what is known of them; no legal advice")
    if found.report["cleaning"]:
        yield "<h2>Cleaning</h2>"
        yield html_table(_RULES, _rule_rows(found), caption="What each rule did")
    if found.drift:
        yield "<h2>What changed</h2>"
        yield html_table(_DRIFT, _drift_rows(found.drift), caption=_drift_title(found.drift))
    if found.report["warnings"]:
        yield "<h2>What was odd</h2>"
        yield html_list(warning["message"] for warning in found.report["warnings"])
