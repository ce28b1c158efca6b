"""Parts of a corpus: a few rows of each label, all but some labels, a small corpus for a rehearsal.

Everything is drawn from train rows with a seed. Knows nothing of models.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.learn.corpora import Corpus, Row

__all__ = ["Withheld", "few", "names_only", "others", "rehearse", "withhold"]

_REHEARSED = {"labels": 6, "train": 180, "test": 60}


class Withheld(NamedTuple):
    """A corpus without some labels, and the test rows of those labels."""

    corpus: Corpus
    labels: tuple[str, ...]
    unknown: tuple[Row, ...]


def few(corpus: Corpus, *, shots: int, draw: int, field: str) -> Corpus:
    """Returns the corpus with `shots` train rows of each label, or all of a label that has fewer."""
    dice = random.Random(f"{corpus.name}/{draw}")
    groups = _grouped(corpus.train, field)
    kept = [row for label in sorted(groups) for row in _drawn(groups[label], shots, dice)]
    dice.shuffle(kept)
    return corpus._replace(name=f"{corpus.name}-{shots}-{draw}", train=tuple(kept))


def others(corpus: Corpus, drawn: Sequence[Row], *, most: int, draw: int) -> list[Row]:
    """Returns at most `most` train rows that were not drawn, to choose a peer's setting on."""
    taken = {row.text for row in drawn}
    rest = [row for row in corpus.train if row.text not in taken]
    return _drawn(rest, most, random.Random(f"{corpus.name}/others/{draw}"))


def names_only(corpus: Corpus, *, field: str) -> Corpus:
    """Returns the corpus without train rows; its field lists the labels by name alone."""
    labels = {str(row.outputs[field]): "" for row in corpus.train}
    outputs = tuple(
        output._replace(labels=dict(sorted(labels.items()))) if output.name == field else output
        for output in corpus.outputs
    )
    return corpus._replace(name=f"{corpus.name}-names", outputs=outputs, train=())


def withhold(corpus: Corpus, *, labels: int, draw: int, field: str) -> Withheld:
    """Returns the corpus without `labels` of its labels, chosen by a seed, in train and test rows alike."""
    every = sorted({str(row.outputs[field]) for row in corpus.train})
    gone = frozenset(random.Random(f"{corpus.name}/withhold/{draw}").sample(every, labels))
    train = tuple(row for row in corpus.train if row.outputs[field] not in gone)
    test = tuple(row for row in corpus.test if row.outputs[field] not in gone)
    unknown = tuple(row for row in corpus.test if row.outputs[field] in gone)
    name = f"{corpus.name}-without-{labels}-{draw}"
    return Withheld(corpus._replace(name=name, train=train, test=test), tuple(sorted(gone)), unknown)


def rehearse(corpus: Corpus, *, field: str = "") -> Corpus:
    """Returns a small corpus to try the machinery on: train rows alone, so that no test row is looked at.

    Args:
        field: A field with one label a row: a few labels are kept. Without it, rows are kept whatever they hold.
    """
    kept = list({row.text: row for row in corpus.train}.values())
    if field:
        groups = _grouped(kept, field)
        share = (_REHEARSED["train"] + _REHEARSED["test"]) // _REHEARSED["labels"]
        chosen = sorted(groups)[:: max(1, len(groups) // _REHEARSED["labels"])][: _REHEARSED["labels"]]
        kept = [row for label in chosen for row in groups[label][:share]]
    random.Random(0).shuffle(kept)
    test, train = kept[: _REHEARSED["test"]], kept[_REHEARSED["test"] :][: _REHEARSED["train"]]
    return corpus._replace(name=f"{corpus.name}-rehearsal", train=tuple(train), test=tuple(test))


def _grouped(rows: Sequence[Row], field: str) -> Mapping[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[str(row.outputs[field])].append(row)
    return groups


def _drawn(rows: Sequence[Row], count: int, dice: random.Random) -> list[Row]:
    return dice.sample(list(rows), min(count, len(rows)))
