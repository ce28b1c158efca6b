"""`freehold dedupe`: a large Parquet table without its near duplicates, or what one table has of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from freehold.app.cli.options import AsJson, Code
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.app.cli.progress import show_progress
from freehold.errors import UserError

if TYPE_CHECKING:
    from freehold.data.scale import Progress, Report

Policy = Literal["all", "first", "longest", "newest", "best"]
Place = Literal["local", "daft", "ray"]

__all__ = ["dedupe"]

_KEEP: tuple[str, ...] = get_args(Policy)
_PLACES: tuple[str, ...] = get_args(Place)
_STAGE = "dedupe"
_LEAKS = ("kind", ">rows", ">of the benchmark", ">share", "for example")


def dedupe(
    source: Annotated[Path, typer.Argument(help="A Parquet file, or a folder of them.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where what is left goes.", show_default=False)
    ] = None,
    column: Annotated[str, typer.Option("--column", help="The column that holds the text.")] = "text",
    similar: Annotated[
        float, typer.Option("--similar", help="From which Jaccard similarity of words on rows are near.")
    ] = 0.8,
    keep: Annotated[
        str, typer.Option("--keep", help="Which row of a cluster stays: all, first, longest, newest or best.")
    ] = "first",
    by: Annotated[
        str, typer.Option("--by", help="The column that says what is newest or best.", show_default=False)
    ] = "",
    memory: Annotated[int, typer.Option("--memory", metavar="MB", help="How much memory to work with.")] = 1024,
    on: Annotated[str, typer.Option("--on", help="Where signatures are made: local, daft or ray.")] = "local",
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="FILE", help="Tell which rows give this benchmark away.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Take near duplicates out of a large table, or tell which of its rows give a benchmark away."""
    if against:
        return _show_leaks(source, against, column=column, as_json=as_json)
    if out is None:
        raise UserError("there is no `--out`: where shall what is left go?", hint="Add: --out clean.parquet")
    _check_word("--keep", keep, _KEEP)
    _check_word("--on", on, _PLACES)
    report = _deduplicate(
        source, out, column=column, similar=similar, keep=(keep, by), means=(memory, on), quiet=as_json
    )
    if as_json:
        print_document({"out": str(out), **report._asdict()})
    else:
        _show(report, out=out)
    return Code.DONE


def _check_word(option: str, word: str, allowed: tuple[str, ...]) -> None:
    if word not in allowed:
        raise UserError(f"`{option}` is {word!r}; it may be {', '.join(allowed)}.")


def _deduplicate(
    source: Path,
    out: Path,
    *,
    column: str,
    similar: float,
    keep: tuple[str, str],
    means: tuple[int, str],
    quiet: bool,
) -> Report:
    from freehold.data.scale import Keep, Means, Scheme, deduplicate
    from freehold.line import thread_count
    from freehold.task import Event

    policy, by = keep
    memory, on = means
    with show_progress((_STAGE,), plain=False, quiet=quiet) as tell:

        def say(now: Progress) -> None:
            tell(Event(_STAGE, "progress", done=now.done, total=now.total, note=now.step))

        return deduplicate(
            source,
            out,
            column=column,
            scheme=Scheme.derive(similar),
            keep=Keep(cast("Policy", policy), by),
            means=Means(memory, thread_count(), on=cast("Place", on)),
            tell=say,
        )


def _show(report: Report, *, out: Path) -> None:
    gone = report.rows - report.kept
    print_line(f"{report.rows:,} rows read, {report.kept:,} written to {out}, {gone:,} left out.")
    print_line(
        f"{report.clusters:,} clusters of {report.clustered:,} rows, the largest of {report.largest:,}; "
        f"{report.same:,} rows had the very words of an earlier one."
    )
    print_line(f"{report.compared:,} pairs were compared word by word, {report.near:,} of them are near.")
    shown = [each for each in report.probability.items() if 0.5 <= each[0] < 1 and round(each[0] * 20) % 2 == 0]
    rows = [(f"{similar:.1f}", f"{share:.4f}") for similar, share in shown]
    print_table((">similarity", ">compared with probability"), rows, title="pairs that are compared")


def _show_leaks(source: Path, against: Path, *, column: str, as_json: bool) -> int:
    from freehold.data.scale import find_leaks, read_benchmark

    ours, theirs = read_benchmark(source, columns=(column,)), read_benchmark(against)
    leaks = find_leaks(ours.texts, theirs.texts)
    if as_json:
        table = [{**row._asdict(), "samples": [leak._asdict() for leak in row.samples]} for row in leaks.table]
        print_document({"rows": leaks.train, "benchmark": leaks.benchmark, "kinds": table})
        return Code.DONE
    rows = []
    for row in leaks.table:
        pairs = [f"{ours.places[leak.train]} and {theirs.places[leak.benchmark]}" for leak in row.samples[:1]]
        rows.append((row.kind, f"{row.train:,}", f"{row.benchmark:,}", f"{row.share:.2%}", "".join(pairs)))
    print_table(_LEAKS, rows, title=f"of {leaks.train:,} rows, which give {leaks.benchmark:,} away")
    return Code.DONE
