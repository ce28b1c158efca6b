"""`freehold serve`: the champions of one or more tasks over HTTP."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, State
from freehold.app.cli.paper import print_document, remark

if TYPE_CHECKING:
    from freehold.task import Task

__all__ = ["serve"]

_HERE = [Path()]
_PATIENCE = 10.0
"""Seconds that a request waits for training rows that are read for the first time."""


def serve(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR", help="Task folders. Default: this one.", show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; others than loopback need a key or a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option("--port", help="0 takes any free port.")] = 8420,
    rate: Annotated[
        float,
        typer.Option("--rate", metavar="N", help="Requests a second that each key may make; 0: any number."),
    ] = 100.0,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Serve answers over HTTP; new champions are picked up without a restart."""
    from freehold import feedback, serve
    from freehold.line import Explainer

    with ExitStack() as stack:
        tasks = [serve.Served(*stack.enter_context(opened(each, state=state))) for each in folders or _HERE]
        names = [served.task.name for served in tasks]

        def tell(url: str) -> None:
            if as_json:
                print_document({"url": url, "tasks": names}, compact=True)
            for served in tasks:
                _say_where_texts_go(served.task)
            remark(f"Serving {', '.join(names)} at {url} (stop with Ctrl-C)")

        explainer = Explainer(patience=_PATIENCE)
        serve.serve(tasks, inbox=feedback, host=host, port=port, rate=rate, explainer=explainer, tell=tell)
    return Code.DONE


def _say_where_texts_go(task: Task) -> None:
    """Says what leaves this machine, and what that may cost."""
    most = task.routing.cost_per_month
    limit = "without a limit" if most is None else f"at most {most:g} a month"
    for each in task.upstreams:
        costs = f"; that costs money, {limit}" if each.price else ""
        whose = f"the model of `{task.name}`"
        remark(f"Texts that {whose} is not sure of go to {each.url} ({each.name}: {each.model}){costs}.")
