"""What one set of texts has of another: training rows that give test rows or a benchmark away.

Owns the kinds of leak and the table of them. A pair has the first kind that fits: the same text, the same but for
case, marks and white space, near by letters, an edit or two apart, a long run of words. Knows nothing of where the
texts are from, and does not decide what is done about a leak.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from freehold.data.neighbours import NEAR, find_candidates, jaccard, plain, shingles, sign_rows
from freehold.data.scale.overlap import RUN, find_shared
from freehold.data.scale.typos import find_slips
from freehold.task import normalise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["KINDS", "Kind", "Leak", "LeakCount", "Leaks", "find_leaks"]

Kind = Literal["exact", "recased", "near", "typo", "overlap"]
KINDS: tuple[Kind, ...] = ("exact", "recased", "near", "typo", "overlap")

SHOWN = 5


class Leak(NamedTuple):
    """A training row that gives a row of the benchmark away, by their positions.

    Attributes:
        kind: Of leak.
        train: Position of the training row.
        benchmark: Position of the benchmark's row.
        amount: The Jaccard similarity of `near`, the edits of `typo`, the words of `overlap`; 1 otherwise.
    """

    kind: Kind
    train: int
    benchmark: int
    amount: float


class LeakCount(NamedTuple):
    """One row of the table.

    Attributes:
        kind: Of leak.
        train: Training rows whose strongest leak is of this kind.
        benchmark: Rows of the benchmark whose strongest leak is of this kind.
        share: Of all rows of the benchmark.
        samples: A few of the pairs.
    """

    kind: Kind
    train: int
    benchmark: int
    share: float
    samples: tuple[Leak, ...]


class Leaks(NamedTuple):
    """What was found.

    Attributes:
        table: A row for each kind, strongest first.
        pairs: Those of distinct texts, by kind and positions; a text that is there several times has each of its
            rows in one pair at least.
        train: How many training rows were looked at.
        benchmark: How many rows of the benchmark.
    """

    table: tuple[LeakCount, ...]
    pairs: tuple[Leak, ...]
    train: int
    benchmark: int

    def rows(self) -> dict[int, Leak]:
        """Returns for each training row that leaks its strongest leak: what to leave out, and why."""
        return _strongest(self.pairs, "train")


def find_leaks(train: Sequence[str], benchmark: Sequence[str], *, run: int = RUN, near: bool = True) -> Leaks:
    """Compares each training row with each row of a benchmark.

    Exact and recased rows, and those an edit or two apart (one for eight characters, two at most; spaces and marks
    do not count), are all found; of those near by letters (a Jaccard similarity of 0.8 over 4-grams) 99.99 %.

    Args:
        train: Texts that are to be learned from.
        benchmark: Texts that must not be: test rows, or any benchmark's.
        run: How many words in a row are an overlap; a benchmark's text with fewer words counts as a whole.
        near: Whether rows near by letters are looked for; not where somebody has taken them apart already.

    Example:
        >>> leaks = find_leaks(["Where is my new card?", "where is my NEW card", "Bye"], ["Where is my new card?"])
        >>> [(leak.kind, leak.train) for leak in leaks.pairs]
        [('exact', 0), ('recased', 1)]
    """
    ours, theirs = _Texts.of(train), _Texts.of(benchmark)
    found: dict[tuple[int, int], Leak] = {}
    for leak in _leaks(ours, theirs, run, near=near):
        found.setdefault((leak.train, leak.benchmark), leak)
    order = {kind: number for number, kind in enumerate(KINDS)}
    pairs = tuple(sorted(found.values(), key=lambda leak: (order[leak.kind], leak.train, leak.benchmark)))
    return Leaks(_count(pairs, len(benchmark)), pairs, len(train), len(benchmark))


class _Texts(NamedTuple):
    """Texts with the positions of those that are the same.

    Attributes:
        exact: Normalised text to positions.
        plain: Bare text to positions, in the order of `bare`.
        bare: The distinct bare texts: one case, no marks.
    """

    exact: Mapping[str, list[int]]
    plain: Mapping[str, list[int]]
    bare: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Texts:
        exact: dict[str, list[int]] = defaultdict(list)
        bare: dict[str, list[int]] = defaultdict(list)
        for position, text in enumerate(texts):
            tidy = normalise(text)
            if tidy:
                exact[tidy].append(position)
                bare[plain(tidy)].append(position)
        return cls(exact, bare, tuple(bare))


def _leaks(ours: _Texts, theirs: _Texts, run: int, *, near: bool) -> Iterator[Leak]:
    """Yields leaks, the strongest kinds first; a pair may come again with a weaker kind."""
    for text in ours.exact.keys() & theirs.exact.keys():
        yield from _cross("exact", ours.exact[text], theirs.exact[text])
    for text in ours.plain.keys() & theirs.plain.keys():
        yield from _cross("recased", ours.plain[text], theirs.plain[text])
    places, others = list(ours.plain.values()), list(theirs.plain.values())
    for one, other, similarity in _find_near(ours.bare, theirs.bare) if near else ():
        yield from _cross("near", places[one], others[other], similarity)
    for one, other, edits in find_slips(_squeeze(ours.bare), _squeeze(theirs.bare)):
        yield from _cross("typo", places[one], others[other], edits)
    for one, other, words in find_shared(ours.bare, theirs.bare, run=run):
        yield from _cross("overlap", places[one], others[other], words)


def _cross(kind: Kind, ours: Sequence[int], theirs: Sequence[int], amount: float = 1) -> Iterator[Leak]:
    """Yields pairs in which every row of both sides is, not each with each: there may be thousands of both."""
    yield from (Leak(kind, one, theirs[0], amount) for one in ours)
    yield from (Leak(kind, ours[0], other, amount) for other in theirs[1:])


def _squeeze(texts: Sequence[str]) -> list[str]:
    """Returns texts without spaces: a slip at the border of a word, or at a mark, is one slip too."""
    return [text.replace(" ", "") for text in texts]


def _find_near(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Yields the pairs across the two sets that are near by letters."""
    rows = {str(number): {"text": text} for number, text in enumerate([*ours, *theirs])}
    border = len(ours)

    def across(ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
        different: NDArray[np.bool_] = (ones < border) != (others < border)
        return different

    for pair in find_candidates(sign_rows(rows), apart=across):
        one, other = sorted(pair)
        similarity = jaccard(shingles(rows[str(one)]), shingles(rows[str(other)]))
        if similarity >= NEAR:
            yield one, other - border, similarity


def _count(pairs: Sequence[Leak], size: int) -> tuple[LeakCount, ...]:
    ours, theirs = _strongest(pairs, "train"), _strongest(pairs, "benchmark")
    rows = []
    for kind in KINDS:
        train = sum(leak.kind == kind for leak in ours.values())
        benchmark = sum(leak.kind == kind for leak in theirs.values())
        samples = tuple(leak for leak in pairs if leak.kind == kind)[:SHOWN]
        rows.append(LeakCount(kind, train, benchmark, benchmark / size if size else 0.0, samples))
    return tuple(rows)


def _strongest(pairs: Sequence[Leak], side: Literal["train", "benchmark"]) -> dict[int, Leak]:
    """Returns each row's first leak; pairs are given strongest first."""
    found: dict[int, Leak] = {}
    for leak in pairs:
        found.setdefault(leak.train if side == "train" else leak.benchmark, leak)
    return found
