"""`freehold verify`: nothing is believed, everything is read again."""

from __future__ import annotations

from pathlib import Path

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line

__all__ = ["verify"]


def verify(folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """Re-read every stored file and row; exit 1 where one is damaged."""
    with opened(folder, state=state) as (_, shelf):
        found = shelf.verify()
    if as_json:
        print_document({"checked": found.checked, "damaged": list(found.damaged)})
    else:
        for each in found.damaged:
            print_line(each)
        count = len(found.damaged)
        print_line(f"{found.checked} checked, {count} damaged.")
        if count:
            print_line(f"Next: {command_line('run', folder, state=state)} makes damaged results again.")
    return Code.FAILED_CHECK if found.damaged else Code.DONE
