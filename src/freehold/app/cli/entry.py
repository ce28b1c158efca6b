"""The program `freehold`: its list of commands, and what happens around any of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from freehold import __version__
from freehold.app.cli.client import client
from freehold.app.cli.data import data
from freehold.app.cli.dedupe import dedupe
from freehold.app.cli.doctor import doctor
from freehold.app.cli.evaluate import evaluate
from freehold.app.cli.experts import experts
from freehold.app.cli.export import export
from freehold.app.cli.feedback import feedback
from freehold.app.cli.initialise import init
from freehold.app.cli.keys import HELP, KEYS
from freehold.app.cli.models import models
from freehold.app.cli.options import Code
from freehold.app.cli.paper import print_line
from freehold.app.cli.predict import predict
from freehold.app.cli.promote import promote, rollback
from freehold.app.cli.report import report
from freehold.app.cli.review import review
from freehold.app.cli.rim import Trouble, at_the_rim, guarded, prepare_streams, report_trouble
from freehold.app.cli.run import run
from freehold.app.cli.serve import serve
from freehold.app.cli.status import status
from freehold.app.cli.upstreams import upstreams
from freehold.app.cli.verify import verify

__all__ = ["app", "main"]

_COMMANDS: tuple[tuple[str, tuple[Callable[..., int], ...]], ...] = (
    ("The line", (init, data, dedupe, run, status, report)),
    ("Answers", (predict, evaluate, serve, upstreams, client, review, experts, feedback)),
    ("Models", (models, promote, rollback, export)),
    ("Care", (verify, doctor)),
)

app = typer.Typer(
    name="freehold",
    help="From real data to a judged, served model that learns from corrections.",
    epilog="Exit codes: 0 done; 1 the gate refused or a check failed; 2 your mistake; 3 our bug.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print_line(f"freehold {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From real data to a judged, served model that learns from corrections."""


for _panel, _functions in _COMMANDS:
    for _function in _functions:
        app.command(_function.__name__, rich_help_panel=_panel)(guarded(_function))

_keys = typer.Typer(help=HELP, no_args_is_help=True)
for _verb, _function in KEYS.items():
    _keys.command(_verb)(guarded(_function))
app.add_typer(_keys, name="keys", rich_help_panel="Care")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program and ends the process with its exit code."""
    prepare_streams()
    sys.exit(run_command(sys.argv[1:] if arguments is None else list(arguments)))


def run_command(arguments: list[str]) -> int:
    """Runs one command and returns its exit code."""
    as_json = "--json" in arguments
    return at_the_rim(lambda: _dispatch(arguments, as_json=as_json), as_json=as_json)


def _dispatch(arguments: list[str], *, as_json: bool) -> int:
    try:
        code = typer.main.get_command(app)(arguments, prog_name="freehold", standalone_mode=False)
    except TyperException as mistake:
        return _report_usage(mistake, as_json=as_json)
    except SystemExit as end:  # typer's way to say that nobody reads the help any more
        raise BrokenPipeError from end
    return int(code or Code.DONE)


def _report_usage(mistake: TyperException, *, as_json: bool) -> int:
    context = getattr(mistake, "ctx", None)
    if type(mistake).__name__ == "NoArgsIsHelpError":
        return int(Code.MISTAKE)  # the help has been shown
    path = context.command_path if context is not None else "freehold"
    trouble = Trouble(mistake.format_message(), "UsageError", f"Type: {path} --help", Code.MISTAKE)
    return report_trouble(trouble, as_json=as_json)
