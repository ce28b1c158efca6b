"""The review page of one task, served to this machine alone, and a browser on it.

Owns how a desk is put together. What is on the page stands in `freehold.pages`, who may see it in
`freehold.serve`.
"""

from __future__ import annotations

import webbrowser
from functools import partial
from pathlib import Path
from urllib.parse import quote

from freehold.app.cli.opened import opened
from freehold.app.cli.paper import print_document, remark

__all__ = ["open_desk"]


def open_desk(folder: Path, *, state: Path | None, port: int, as_json: bool) -> None:
    """Serves the review page of a task on 127.0.0.1 and opens it, until Ctrl-C."""
    from freehold import feedback, serve
    from freehold.label import panel

    with opened(folder, state=state) as here:
        tell = partial(_tell, name=here.task.name, as_json=as_json)
        serve.serve([serve.Served(*here)], inbox=feedback, panel=panel, port=port, tell=tell)


def _tell(url: str, *, name: str, as_json: bool) -> None:
    page = f"{url}/review/{quote(name)}"
    if as_json:
        print_document({"url": page, "task": name}, compact=True)
    remark(f"Review {name} at {page} (stop with Ctrl-C)")
    webbrowser.open(page)
