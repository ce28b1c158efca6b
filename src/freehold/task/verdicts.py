"""The gate's measured yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from freehold.task.canonical import Json
from freehold.task.metrics import headline_first

__all__ = ["Comparison", "Measured", "Metrics", "Verdict"]


class Measured(NamedTuple):
    """A number with its 95 % interval and the number of items it was measured on."""

    value: float
    low: float
    high: float
    n: int


Metrics = Mapping[str, Mapping[str, Measured]]
"""Field to metric to measurement."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against champion on one field, on the same items.

    Attributes:
        test: `mcnemar` (exact, two-sided), `sign_flip` (the same where rows were drawn together), or `bootstrap`
            (paired, 1,000 resamples).
        difference: Candidate minus champion, signed so that more is better, with its 95 % interval.
        p: The test's p-value; for the bootstrap twice the smaller tail.
        worse: The candidate is significantly worse (p below 0.05 and a negative difference).
    """

    field: str
    metric: str
    candidate: float
    champion: float
    difference: Measured
    test: Literal["mcnemar", "sign_flip", "bootstrap"]
    p: float
    worse: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an artifact may be released, with every reason in one plain sentence.

    Attributes:
        against: The champion it was compared with (`banking@3`), or empty for a first release.
        artifact: Digest of the judged artifact.
        leaks: Training rows that gave test rows away and were kept apart, by kind; empty where nobody looked.
    """

    passed: bool
    reasons: tuple[str, ...]
    fields: Metrics
    comparisons: tuple[Comparison, ...]
    against: str
    artifact: str
    leaks: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Returns the verdict in the shape of the contract, extended."""
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "fields": {f: {m: v._asdict() for m, v in ms.items()} for f, ms in self.fields.items()},
            "comparisons": [{**asdict(c), "difference": c.difference._asdict()} for c in self.comparisons],
            "against": self.against,
            "artifact": self.artifact,
            **({"leaks": dict(self.leaks)} if self.leaks else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Returns the verdict that `to_json` wrote, each field's headline metric first."""
        comparisons = [{**c, "difference": Measured(**c["difference"])} for c in data["comparisons"]]
        return cls(
            passed=data["passed"],
            reasons=tuple(data["reasons"]),
            fields={
                field: {name: Measured(**metrics[name]) for name in headline_first(metrics)}
                for field, metrics in data["fields"].items()
            },
            comparisons=tuple(Comparison(**c) for c in comparisons),
            against=data["against"],
            artifact=data["artifact"],
            leaks=data.get("leaks", {}),
        )
