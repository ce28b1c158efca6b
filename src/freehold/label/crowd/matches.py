"""Values that are sets: how far experts mark the same, and what one marks where the other does not.

Owns F1 between experts for spans, and the confusions of spans and of several labels. Knows nothing of chance: of
how many places a text has that could be marked, nobody can say.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from freehold.label.crowd.confusions import Confusion, find_confusions
from freehold.label.crowd.decisions import NOT_MARKED, Marks
from freehold.label.crowd.overlap import Agreement, explain_overlap
from freehold.label.crowd.resampling import Statistic, bootstrap, undefined
from freehold.label.crowd.tallies import Tally, tally
from freehold.label.crowd.votes import Floats, Vote, Whole, tabulate

__all__ = ["find_swaps", "marked_or_not", "match"]

_APART = "\x1f"


def match(marks: Marks, *, seed: int = 0) -> Agreement:
    """Returns F1 between experts: of all marks of every two experts on the same item, the share that both made.

    A mark is the same where label, start and end are. F1 is what kappa comes to where most places are marked by
    nobody.

    Source:
        Hripcsak, G. and Rothschild, A. S. (2005). Agreement, the F-measure, and reliability in information
        retrieval. Journal of the American Medical Informatics Association 12, 296-298.
    """
    labels = tuple(marks.of_label)
    why = explain_overlap(marks.votes, marks.judged)
    if why:
        return Agreement(undefined(why), dict.fromkeys(labels, undefined(why)))
    counts = tally(marks.votes, sizes=marks.judged)
    each = [f"Nobody marked `{label}` in an item that two experts judged." for label in labels]
    statistic = _f1(counts, marks.of_label, places=len(marks.places))
    found = bootstrap(statistic, counts.items, seed=seed, why=["Nobody marked anything.", *each])
    return Agreement(found[0], dict(zip(labels, found[1:], strict=True)))


def _f1(counts: Tally, of_label: Mapping[str, Whole], *, places: int) -> Statistic:
    label = np.full(places, len(of_label))  # one more than there are, for the judgement itself
    for number, members in enumerate(of_label.values()):
        label[members] = number
    own = label[counts.label]
    both = counts.count * (counts.count - 1)
    all_marks = counts.count * (counts.sizes[counts.pattern] - 1)

    def statistic(weights: Floats) -> Floats:
        drawn = weights[counts.pattern]
        hits, marked = (
            np.bincount(own, drawn * each, minlength=len(of_label) + 1)[:-1] for each in (both, all_marks)
        )
        return np.concatenate([[hits.sum() / marked.sum()], hits / marked])

    return statistic


def marked_or_not(marks: Marks) -> list[Confusion]:
    """Returns the labels that one expert gives and another does not, worst first."""
    found: list[Confusion] = []
    for number, place in enumerate(marks.places[1:], 1):
        pairs = find_confusions(marks.decide(number))
        found += [pair._replace(labels=(NOT_MARKED, place.label)) for pair in pairs]
    by_chance = sum(pair.expected for pair in found)
    ratio = sum(pair.observed for pair in found) / by_chance if by_chance else 0.0
    judged = [pair._replace(excess=round(pair.observed - ratio * pair.expected, 6)) for pair in found]
    return sorted(judged, key=lambda pair: (-pair.excess, -pair.observed, pair.labels))


def find_swaps(marks: Marks) -> list[Confusion]:
    """Returns which labels experts give to the same place, or whether any, worst first.

    A place is one that any expert marked: where spans of two experts only overlap, each is marked by one of them.
    """
    judges: dict[str, list[str]] = {}
    given: dict[str, dict[str, list[str]]] = {}
    for item, expert, number in marks.votes.rows():
        place = marks.places[int(number or 0)]
        if not number:
            judges.setdefault(item, []).append(expert)
        else:
            spot = f"{item}{_APART}{place.start}{_APART}{place.end}"
            given.setdefault(spot, {}).setdefault(expert, []).append(place.label)
    votes = [
        Vote(spot, expert, " + ".join(labels.get(expert, [NOT_MARKED])))
        for spot, labels in given.items()
        for expert in judges[spot.rsplit(_APART, 2)[0]]
    ]
    found = find_confusions(tabulate(votes))
    return [pair._replace(items=_items(pair.items)) for pair in found]


def _items(spots: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spot.rsplit(_APART, 2)[0] for spot in spots))
