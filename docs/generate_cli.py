"""Writes `docs/cli.md` from the commands as they are: `python -m docs.generate_cli`.

The page repeats what `freehold COMMAND --help` says, in the order and the groups of the help.
"""

# ruff: noqa: T201

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).resolve().parent / "cli.md"
HEAD = """\
# Command line

<!-- Written by docs/generate_cli.py; change the commands, not this page. -->

{help}

{epilog}

Progress goes to stderr, results to stdout. Every command takes `--json`; what it gives then is on
[What `--json` gives](json.md).
"""


def render() -> str:
    """Returns the page."""
    import typer

    from freehold.app.cli import app

    group: Any = typer.main.get_command(app)
    context = group.make_context("freehold", ["--help"], resilient_parsing=True)
    parts = [HEAD.format(help=group.help, epilog=group.epilog)]
    parts.append(_table("Option", _records(group, context, "option")))
    panel = ""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if (named := command.rich_help_panel or "") != panel:
            panel = named
            parts.append(f"## {panel}\n")
        parts.append(_command(name, command, context))
        if hasattr(command, "list_commands"):
            parts += _verbs(name, command, context)
    return "\n".join(parts)


def _command(name: str, command: Any, parent: Any) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    pieces = (re.sub(r"^\{(.+)\}$", r"\1", piece) for piece in command.collect_usage_pieces(context))
    usage = " ".join(["freehold", name, *pieces])
    parts = [f"### `freehold {name}`\n", f"{command.help}\n", f"```console\n$ {usage}\n```\n"]
    for kind, title in (("argument", "Argument"), ("option", "Option")):
        parts.append(_table(title, _records(command, context, kind)))
    return "\n".join(part for part in parts if part)


def _verbs(name: str, group: Any, parent: Any) -> list[str]:
    context = group.make_context(name, [], parent=parent, resilient_parsing=True)
    return [
        _command(f"{name} {verb}", group.get_command(context, verb), parent)
        for verb in group.list_commands(context)
    ]


def _records(command: Any, context: Any, kind: str) -> list[tuple[str, str]]:
    """Returns the name and the help of each parameter of a kind, without the types that typer adds."""
    params = (p for p in command.get_params(context) if p.param_type_name == kind)
    records = (record for param in params if (record := param.get_help_record(context)) is not None)
    return [(re.sub(r" <\w+>$", "", name.strip()), text) for name, text in records]


def _table(title: str, records: list[tuple[str, str]]) -> str:
    if not records:
        return ""
    rows = [f"| `{name}` | {' '.join(text.split()).replace('|', chr(92) + '|')} |" for name, text in records]
    return "\n".join([f"| {title} | |", "| --- | --- |", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"Written: {PAGE}")
