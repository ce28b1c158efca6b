"""Who gives labels that are not from the data, and how many, how sure and how dear they may be.

Owns the frozen description of teachers and of what is made of what they say. How it is read from a file stands in
`teaching`, how teachers are asked in `freehold.label`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from freehold.task.upstreams import OutputLimit, Price, Upstream

__all__ = ["Teacher", "TeacherKind", "Teaching"]

TeacherKind: TypeAlias = Literal["url", "release", "base", "rule", "patterns", "similarity"]


@dataclass(frozen=True, slots=True)
class Teacher:
    """Whoever gives labels that are not from the data.

    Attributes:
        kind: What it is.
        place: Its URL, folder, encoder, function or file; empty for `similarity`, the embedded base.
        fields: What it is asked for; empty for all that its kind can answer.
        model: What an endpoint calls its model; this and what follows is for endpoints.
        key: Name of the environment variable that holds its key; empty where it asks for none.
        price: None where its calls cost nothing.
        samples: How often it is asked about one row; 0 for as often as `[label]` says.
        temperature: What it is sent; None for nothing.
        parallel: How many calls are made at one time.
        per_minute: How many calls may begin in a minute; 0 for any number.
    """

    name: str
    kind: TeacherKind
    place: str
    fields: tuple[str, ...] = ()
    model: str = ""
    key: str = ""
    price: Price | None = None
    output_tokens: int = 256
    output_limit: OutputLimit = "max_completion_tokens"
    samples: int = 0
    temperature: float | None = None
    parallel: int = 4
    per_minute: int = 0

    def endpoint(self) -> Upstream:
        """Returns an endpoint as whatever asks remote models knows it."""
        return Upstream(
            name=self.name,
            url=self.place,
            model=self.model,
            trust=1.0,
            fields=self.fields,
            key=self.key,
            price=self.price,
            output_tokens=self.output_tokens,
            output_limit=self.output_limit,
        )


@dataclass(frozen=True, slots=True)
class Teaching:
    """What is made of what teachers say, and what asking them may cost in one run.

    Attributes:
        budget: In the currency; None for any amount.
        tokens: Read and written; None for any number.
        minutes: After which no call begins; None for as long as it takes.
        agreement: How sure the committee has to be of a label that is learned from.
        samples: How often an endpoint is asked about one row.
        checks: How many rows whose label is known every teacher is measured on.
        verifiers: What a label has to pass beside the task's schema.
    """

    budget: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    agreement: float = 0.6
    samples: int = 1
    checks: int = 200
    verifiers: tuple[str, ...] = ("instructions",)
