"""Which metrics a field of each kind has, and which way is up.

Owns their names only; the gate computes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from freehold.task.fields import FieldKind

__all__ = ["ARTIFACT_METRICS", "METRICS", "SMALLER_IS_BETTER", "headline_first"]

METRICS: Mapping[FieldKind, tuple[str, ...]] = MappingProxyType(
    {
        "choice": ("accuracy", "macro_f1", "ece", "abstained"),
        "choices": ("micro_f1", "macro_f1", "exact"),
        "predicate": ("accuracy", "f1", "auroc", "ece"),
        "score": ("accuracy", "mae", "ece"),
        "number": ("mae", "r2"),
        "spans": ("f1", "exact"),
        "text": ("exact", "rouge_l"),
    }
)
"""The metrics of each kind of field, the headline first."""

_ORDER = "accuracy micro_f1 f1 macro_f1 auroc mae r2 exact rouge_l ece abstained".split()  # noqa: SIM905

ARTIFACT_METRICS: tuple[str, ...] = ("p50_ms", "size_mb")
"""What can be a goal of the whole artifact: median milliseconds for one input, megabytes on disk."""

SMALLER_IS_BETTER: frozenset[str] = frozenset({"ece", "abstained", "mae", *ARTIFACT_METRICS})


def headline_first(metrics: Iterable[str]) -> list[str]:
    """Returns the names of one field's metrics in the order of `METRICS`, whatever order they come in.

    Example:
        >>> headline_first(["abstained", "accuracy", "ece"])
        ['accuracy', 'ece', 'abstained']
    """
    return sorted(metrics, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
