"""`freehold run`: one turn of the line, shown while it runs and reported when it is done."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table, remark
from freehold.app.cli.progress import show_progress
from freehold.app.cli.synthesis import print_made
from freehold.app.cli.tables import print_seconds, print_verdict
from freehold.app.cli.tested import print_tested

if TYPE_CHECKING:
    from freehold.line import Planned, TurnRecord

__all__ = ["run"]

_PLAN = {
    "recorded": "up to date",
    "out of date": "would run",
    "depends": "would run, unless what comes before it makes the same as before",
}


def run(
    folder: Folder = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is out of date; run nothing.")] = False,
    no_synthetic: Annotated[
        bool, typer.Option("--no-synthetic", help="Make no rows, whatever [synthesis] says.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines of text in place of the live display.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress at all.")] = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Turn the line once: whatever is out of date is made, judged and, where it passes, put into service."""
    from freehold.line import STAGES, plan, run_turn, switch_off

    with opened(folder, state=state) as (task, shelf):
        task = switch_off(task) if no_synthetic else task
        if dry_run:
            return _show_plan(task.name, plan(task, shelf=shelf, tell=lambda _: None), as_json=as_json)
        try:
            with show_progress(STAGES, plain=plain, quiet=quiet) as tell:
                record = run_turn(task, shelf=shelf, tell=tell)
        except KeyboardInterrupt:
            remark("Stopped. What was finished is kept: the same command goes on from there.")
            raise
    return _report(record, folder=folder, state=state, as_json=as_json)


def _show_plan(task: str, stages: tuple[Planned, ...], *, as_json: bool) -> int:
    if as_json:
        print_document({"task": task, "stages": [stage._asdict() for stage in stages]})
    else:
        print_table(("stage", "a run"), [(stage.name, _PLAN[stage.state]) for stage in stages], title=task)
    return Code.DONE


def _report(record: TurnRecord, *, folder: Path, state: Path | None, as_json: bool) -> int:
    from freehold.task import Release

    released = isinstance(record.outcome, Release)
    if as_json:
        print_document(describe_turn(record))
    else:
        print_verdict(record.verdict, name=record.task.name, order=[f.name for f in record.task.fields])
        print_seconds(record.stages, title=f"{record.seconds:.2f} s in all")
        print_tested(record)
        print_made(record.made)
        _say_silent(record.labelled.facts, asked={e.name for e in record.task.teachers if e.kind == "url"})
        _say_suspected(record, folder=folder, state=state)
        _say_outcome(record, folder=folder, state=state)
    return Code.DONE if released else Code.FAILED_CHECK


def describe_turn(record: TurnRecord) -> dict[str, object]:
    """Returns a turn as plain data, in the shape of the contract."""
    from freehold.task import Release

    release = record.outcome if isinstance(record.outcome, Release) else None
    return {
        "task": record.task.name,
        "release": {
            "version": release.version,
            "champion": release.state == "champion",
            "name": release.name,
            "digest": release.artifact.digest,
        }
        if release
        else None,
        "verdict": record.verdict.to_json(),
        **({"synthetic": dict(record.made)} if record.made else {}),
        "suspected": record.labelled.facts.get("suspected", {}),
        **({"teachers": record.labelled.facts["teachers"]} if record.task.teachers else {}),
        "stages": [{**stage._asdict(), "seconds": round(stage.seconds, 4)} for stage in record.stages],
        "seconds": round(record.seconds, 4),
    }


def _say_silent(facts: Mapping[str, Any], *, asked: Collection[str]) -> None:
    """Prints, of each teacher whose answers are missing, and why; `asked` go over a network."""
    for name, each in facts.get("teachers", {}).get("teachers", {}).items():
        reasons = [f"{count:,} {_WHY.get(why, why)}" for why, count in (each["failed"] | each["unasked"]).items()]
        if each["misfits"] and name in asked:
            reasons.append(f"{each['misfits']:,} answers that do not fit the schema")
        reasons += [each["trouble"]] if each["trouble"] else []
        if reasons:
            print_line(f"Teacher `{name}`: {'; '.join(reasons)}.")


_WHY = {
    "refused": "calls refused (is the key right, and the URL?)",
    "budget": "questions not put: the budget is spent",
    "time": "questions not put: the time is over",
    "given up": "questions not put: too many calls in a row had failed",
    "wrong_answer": "answers of another form than asked for",
}


def _say_suspected(record: TurnRecord, *, folder: Path, state: Path | None) -> None:
    shares = describe_turn(record)["suspected"]
    assert isinstance(shares, dict)
    for field, share in shares.items():
        if share["rows"]:
            bounds = f"{share['low']:.1%} to {share['high']:.1%}"
            print_line(f"`{field}`: about {share['value']:.1%} of {share['n']:,} labels look wrong ({bounds}).")
    if any(share["rows"] for share in shares.values()):
        print_line(f"See them: {command_line('review', folder, state=state)}")


def _say_outcome(record: TurnRecord, *, folder: Path, state: Path | None) -> None:
    from freehold.task import Release

    release = record.outcome
    if not isinstance(release, Release):
        print_line("The gate refused this model; what was in service stays in service.")
        _say_next("report", folder=folder, state=state)
        unjudged = any(not record.verdict.fields.get(field.name) for field in record.task.fields)
        if unjudged and record.labelled.facts.get("suggested"):
            print_line(f"Label rows on a page: {command_line('review', folder, state=state, more='--open')}")
        return
    if release.artifact.digest != record.verdict.artifact:
        print_line(f"This model was withdrawn before, so {release.name} stays in service.")
        _say_next("models", folder=folder, state=state)
        return
    fresh = not all(stage.cached for stage in record.stages)
    print_line(f"{release.name} is in service{'' if fresh else '; nothing had changed'}.")
    example = json.dumps(dict.fromkeys(record.task.inputs, "..."))
    print_line(f"Next: {command_line('predict', folder, state=state, more=f'--input {shlex.quote(example)}')}")
    print_line(f"      {command_line('serve', folder, state=state)}")
    print_line(f"      {command_line('report', folder, state=state)}")


def _say_next(verb: str, *, folder: Path, state: Path | None) -> None:
    print_line(f"Next: {command_line(verb, folder, state=state)}")
