"""`freehold serve`: the champions of one or more tasks over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, State
from freehold.app.cli.paper import print_document, remark
from freehold.errors import UserError

if TYPE_CHECKING:
    from freehold.task import Task

__all__ = ["serve"]

_HERE = [Path()]
_PATIENCE = 10.0
"""Seconds that a request waits for training rows that are read for the first time."""

_Place: TypeAlias = Literal["local", "ray"]
_Rate = Annotated[
    float, typer.Option("--rate", metavar="N", help="Requests a second that each key may make; 0: any number.")
]
_On = Annotated[
    _Place,
    typer.Option(
        "--on",
        metavar="PLACE",
        help="`local`: from this process; `ray`: from several, behind Ray Serve (extra `ray`).",
    ),
]
_Replicas = Annotated[
    int | None,
    typer.Option(
        "--replicas",
        metavar="N",
        help="With `--on ray`: how many processes answer. Default: 2.",
        show_default=False,
    ),
]


def serve(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR", help="Task folders. Default: this one.", show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; others than loopback need a key or a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option("--port", help="0 takes any free port.")] = 8420,
    rate: _Rate = 100.0,
    on: _On = "local",
    replicas: _Replicas = None,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Serve answers over HTTP; new champions are picked up without a restart."""
    from freehold.serve import Served

    run = _runner(on, replicas)
    with ExitStack() as stack:
        tasks = [Served(*stack.enter_context(opened(each, state=state))) for each in folders or _HERE]
        names = [served.task.name for served in tasks]

        def tell(url: str) -> None:
            if as_json:
                print_document({"url": url, "tasks": names}, compact=True)
            for served in tasks:
                _say_where_texts_go(served.task)
            remark(f"Serving {', '.join(names)} at {url} (stop with Ctrl-C)")

        run(tasks, host=host, port=port, rate=rate, tell=tell)
    return Code.DONE


def _runner(on: _Place, replicas: int | None) -> Callable[..., None]:
    """Returns what serves tasks at a place."""
    from freehold import feedback, serve
    from freehold.label import panel
    from freehold.line import Explainer

    make_explainer = partial(Explainer, patience=_PATIENCE)
    if on == "ray":
        count = serve.REPLICAS if replicas is None else replicas
        return partial(serve.serve_replicas, replicas=count, inbox=feedback, explainer=make_explainer, panel=panel)
    if replicas is not None:
        raise UserError(
            "`--replicas` is for `--on ray`; a local server answers from one process.",
            hint=f"Type: freehold serve --on ray --replicas {replicas}",
        )
    return partial(serve.serve, inbox=feedback, explainer=make_explainer(), panel=panel)


def _say_where_texts_go(task: Task) -> None:
    """Says what leaves this machine, and what that may cost."""
    most = task.routing.cost_per_month
    limit = "without a limit" if most is None else f"at most {most:g} a month"
    for each in task.upstreams:
        costs = f"; that costs money, {limit}" if each.price else ""
        whose = f"the model of `{task.name}`"
        remark(f"Texts that {whose} is not sure of go to {each.url} ({each.name}: {each.model}){costs}.")
