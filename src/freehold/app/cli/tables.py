"""A verdict, a release and a turn as tables and sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from freehold.app.cli.paper import print_line, print_table

if TYPE_CHECKING:
    from freehold.task import Measured, Verdict

__all__ = [
    "comparison_rows",
    "interval",
    "metric_rows",
    "print_metrics",
    "print_seconds",
    "print_verdict",
    "shown",
]

_METRICS = ("field", "metric", ">value", ">interval", ">n")
_COMPARISONS = ("field", "metric", ">candidate", ">champion", ">difference", ">interval", ">p", "test")


def print_verdict(verdict: Verdict, *, name: str, order: Sequence[str]) -> None:
    """Prints the metrics with their intervals, the comparison with the champion, and every reason.

    Args:
        order: The task's fields; the verdict's own order is that of the alphabet.
    """
    print_table(*metric_rows(verdict, order=order), title=f"{name} on the test rows (95 % intervals)")
    if verdict.comparisons:
        print_table(*comparison_rows(verdict), title=f"against {verdict.against}")
    print_line("Passed:" if verdict.passed else "Refused:")
    for reason in verdict.reasons:
        print_line(f"  - {reason}")


def metric_rows(verdict: Verdict, *, order: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the columns and the rows of a verdict's metrics, the fields as the task has them."""
    fields = {field: verdict.fields[field] for field in order if field in verdict.fields}
    return _METRICS, _metrics({**fields, **verdict.fields})


def comparison_rows(verdict: Verdict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the columns and the rows of the comparison with the champion."""
    return _COMPARISONS, [
        (c.field, c.metric, shown(c.candidate), shown(c.champion), f"{c.difference.value:+.4f}",
         f"{c.difference.low:+.4f} to {c.difference.high:+.4f}", f"{c.p:.3g}", c.test)
        for c in verdict.comparisons
    ]  # fmt: skip


def print_metrics(fields: Mapping[str, Mapping[str, Measured]], *, title: str) -> None:
    """Prints one line per field and metric: value, interval, number of items."""
    print_table(_METRICS, _metrics(fields), title=title)


def _metrics(fields: Mapping[str, Mapping[str, Measured]]) -> list[tuple[str, ...]]:
    return [
        (field if place == 0 else "", metric, shown(m.value), interval(m), str(m.n))
        for field, metrics in fields.items()
        for place, (metric, m) in enumerate(metrics.items())
    ]


def print_seconds(stages: Iterable[tuple[str, float, bool]], *, title: str) -> None:
    """Prints where the time went: stage, seconds, and whether it was recalled."""
    rows = [(name, f"{seconds:.2f}", "recorded already" if cached else "") for name, seconds, cached in stages]
    print_table(("stage", ">seconds", ""), rows, title=title)


def interval(measured: Measured) -> str:
    """`0.8412 to 0.8730`."""
    return f"{shown(measured.low)} to {shown(measured.high)}"


def shown(value: float) -> str:
    """A number with four digits behind the point, fewer where it is large."""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
