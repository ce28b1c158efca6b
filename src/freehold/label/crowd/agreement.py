"""How far experts agree on each field of a task, by the measure that suits its kind.

Owns which measure that is. What the measures are is in `alpha`, `kappas` and `matches`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from freehold.errors import UserError
from freehold.label.crowd.alpha import Level, alpha
from freehold.label.crowd.confusions import Confusion, find_confusions
from freehold.label.crowd.decisions import Annotation, Marks, read_marks, read_votes
from freehold.label.crowd.kappas import cohen, fleiss
from freehold.label.crowd.matches import find_swaps, marked_or_not, match
from freehold.label.crowd.overlap import Agreement
from freehold.label.crowd.resampling import Coefficient, undefined
from freehold.label.crowd.votes import Votes
from freehold.task import Field, FieldKind

__all__ = ["FieldAgreement", "measure_agreement"]

_LEVELS: Mapping[FieldKind, Level] = {
    "choice": "nominal", "predicate": "nominal", "score": "ordinal", "number": "interval",
}  # fmt: skip
_BY_LABEL = "Kappa of several labels is measured label by label; alpha is of all of them."


@dataclass(frozen=True, slots=True)
class FieldAgreement:
    """How far experts agree on one field.

    Attributes:
        items: How many were judged.
        shared: How many were judged by two experts or more.
        judgements: How many there are.
        overall: Measure to its value: `alpha`, `cohen`, `cohen_weighted` (scores, quadratic), `fleiss`; or `f1`.
        labels: Label to measure to its value, each label against all others; empty for numbers.
        confusions: The labels that are taken for one another, worst first; empty for numbers.
    """

    field: str
    kind: FieldKind
    items: int
    shared: int
    experts: int
    judgements: int
    overall: Mapping[str, Coefficient]
    labels: Mapping[str, Mapping[str, Coefficient]]
    confusions: tuple[Confusion, ...]


def measure_agreement(
    fields: Sequence[Field], rows: Iterable[Annotation], *, seed: int = 0
) -> dict[str, FieldAgreement]:
    """Returns how far experts agree on each field that any of them judged, with 95 % intervals over items.

    A measure that is not defined (one expert, no item in common, one label only) says why. Choices and predicates
    are compared by nominal alpha and by kappa, scores by ordinal alpha, numbers by interval alpha; several labels
    by alpha over the labels that only one of two experts gave; spans, whose number of places nobody can name, by
    F1 with the same label and the same place.

    Args:
        fields: Of the task; those of kind `text` have no measure.
        rows: Judgements of any fields; those without a value say that an expert passed.
        seed: Of the bootstrap.

    Raises:
        DataError: A value that is none of its field's, or two judgements of one expert on an item.
        UserError: A judged field of kind `text`.

    Source:
        Hripcsak, G. and Rothschild, A. S. (2005). Agreement, the F-measure, and reliability in information
        retrieval. Journal of the American Medical Informatics Association 12, 296-298.
    """
    found: dict[str, list[Annotation]] = {}
    for row in rows:
        if row.value is not None:
            found.setdefault(row.field, []).append(row)
    return {field.name: _measure(field, found[field.name], seed=seed) for field in fields if field.name in found}


def _measure(field: Field, rows: Sequence[Annotation], *, seed: int) -> FieldAgreement:
    if field.kind == "text":
        raise UserError(
            f"`{field.name}` is of kind `text`: there is no measure of agreement on free text.",
            hint="Leave the field out, or have its texts judged by a field of kind `score`.",
        )
    if field.kind in ("choices", "spans"):
        marks = read_marks(field, rows)
        measures = _of_choices(marks, seed) if field.kind == "choices" else {"f1": match(marks, seed=seed)}
        confusions = marked_or_not(marks) if field.kind == "choices" else find_swaps(marks)
    else:
        votes = read_votes(field, rows)
        measures = _of_labels(votes, field.kind, seed)
        confusions = [] if field.kind == "number" else find_confusions(votes)
    experts: dict[str, set[str]] = {}
    for row in rows:
        experts.setdefault(row.item, set()).add(row.expert)
    return FieldAgreement(
        field=field.name,
        kind=field.kind,
        items=len(experts),
        shared=sum(len(each) > 1 for each in experts.values()),
        experts=len(set().union(*experts.values())),
        judgements=len(rows),
        overall={name: each.overall for name, each in measures.items()},
        labels=_turn(measures),
        confusions=tuple(confusions),
    )


def _of_labels(votes: Votes, kind: FieldKind, seed: int) -> dict[str, Agreement]:
    measures = {"alpha": alpha(votes, level=_LEVELS[kind], seed=seed)}
    if kind == "number":
        return measures
    measures["cohen"] = cohen(votes, seed=seed)
    if kind == "score":
        measures["cohen_weighted"] = Agreement(cohen(votes, weights="quadratic", seed=seed).overall, {})
    measures["fleiss"] = fleiss(votes, seed=seed)
    return measures


def _of_choices(marks: Marks, seed: int) -> dict[str, Agreement]:
    """Returns alpha over all labels, and each measure label by label."""
    whole = alpha(marks.votes, seed=seed, judged=marks.judged)
    several = fleiss(marks.votes, seed=seed, judged=marks.judged)
    names = {str(number): place.label for number, place in enumerate(marks.places) if number}
    pairs = {name: cohen(marks.decide(int(number)), seed=seed).overall for number, name in names.items()}
    why = undefined(_BY_LABEL)
    return {
        "alpha": Agreement(whole.overall, {name: whole.labels[number] for number, name in names.items()}),
        "cohen": Agreement(why, pairs),
        "fleiss": Agreement(why, {name: several.labels[number] for number, name in names.items()}),
    }


def _turn(measures: Mapping[str, Agreement]) -> dict[str, dict[str, Coefficient]]:
    """Returns label to measure to value."""
    labels: dict[str, dict[str, Coefficient]] = {}
    for name, found in measures.items():
        for label, each in found.labels.items():
            labels.setdefault(label, {})[name] = each
    return labels
