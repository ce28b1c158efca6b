"""Which metrics a field of each kind has, and which way is up.

Owns their names only; the gate computes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from freehold.task.fields import FieldKind

__all__ = [
    "ARTIFACT_METRICS",
    "ERROR_GIVEN_ANSWER",
    "EXTRA_ERROR",
    "METRICS",
    "SMALLER_IS_BETTER",
    "TIERED_KINDS",
    "headline_first",
]

_TRUST = ("ece", "brier", "aurc", "abstained", "error_given_answer", "out_of_scope")

METRICS: Mapping[FieldKind, tuple[str, ...]] = MappingProxyType(
    {
        "choice": ("accuracy", "macro_f1", *_TRUST),
        "choices": ("micro_f1", "macro_f1", "exact", "ece", "brier", "out_of_scope"),
        "predicate": ("accuracy", "f1", "auroc", *_TRUST),
        "score": ("accuracy", "mae", *_TRUST),
        "number": ("mae", "r2", "coverage"),
        "spans": ("f1", "exact"),
        "text": ("exact", "rouge_l"),
    }
)
"""The metrics of each kind of field, the headline first. Those of scope, of intervals and of probabilities are
there only where a model gives such, and `error_given_answer` where it abstains from some rows but not from all."""

_ORDER = (
    *("accuracy", "micro_f1", "f1", "macro_f1", "auroc", "mae", "r2", "coverage", "exact", "rouge_l"),
    *_TRUST,
)

ARTIFACT_METRICS: tuple[str, ...] = ("p50_ms", "size_mb")
"""What can be a goal of the whole artifact: median milliseconds for one input, megabytes on disk."""

EXTRA_ERROR = "extra_error"
"""Beside the metrics: what the answers of a smaller tier may cost, certified before anything is served."""

ERROR_GIVEN_ANSWER = "error_given_answer"
"""A metric, and what a task may ask to be certified: how many of the answers that are given may be wrong."""

TIERED_KINDS: frozenset[FieldKind] = frozenset({"choice", "predicate", "score"})
"""The kinds of field that a smaller tier can answer, and whose answers can be certified."""

SMALLER_IS_BETTER: frozenset[str] = frozenset({*_TRUST, "mae", *ARTIFACT_METRICS})


def headline_first(metrics: Iterable[str]) -> list[str]:
    """Returns the names of one field's metrics in the order of `METRICS`, whatever order they come in.

    Example:
        >>> headline_first(["abstained", "accuracy", "ece"])
        ['accuracy', 'ece', 'abstained']
    """
    return sorted(metrics, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
