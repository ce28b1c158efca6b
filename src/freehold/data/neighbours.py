"""Near duplicates: which examples say the same in almost the same letters.

Owns what "near" means, and the clusters that follow from it. Two examples are near when the sets of their
character 4-grams have a Jaccard similarity of at least 0.8, white space, case and punctuation marks apart.
MinHash signatures cut into bands find the pairs that may be near (Broder 1997; Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", chapter 3); each pair is then compared exactly, so that what is joined is near.

Why these numbers: on sentences, shorter shingles or a lower bar chain different questions into one cluster;
words as shingles miss inflections. `bench/near_duplicates.py` has the measurements, also of the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from freehold.data.forest import Forest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signatures = NDArray[np.uint32]
    Positions = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    Apart = Callable[[Positions, Positions], Mask]
    Signing = Callable[[Mapping[str, Mapping[str, str]]], Signatures]

__all__ = [
    "BANDS",
    "HASHES",
    "NEAR",
    "SLACK",
    "find_candidates",
    "find_clusters",
    "find_pairs",
    "fold",
    "jaccard",
    "plain",
    "scheme",
    "shingles",
    "sign",
    "sign_rows",
]

NEAR = 0.8
SIZE = 4
BANDS = 24
HASHES = 120
"""24 bands of 5 hashes: of pairs with a similarity of 0.8, 99.99 % share a band; of those with 0.3, 6 %."""

WINDOW = 64
"""How many earlier members of its band an example is compared with. Templates by the thousand share bands
without being near; this bounds the work. Members of one cluster are found through each other."""

SLACK = 0.15
"""How far below the bar the estimate from the signatures may lie for a pair to be compared exactly: four
standard errors of 120 hashes, so that one near pair in 30,000 is lost to it."""

_BATCH = 4096
_SIGNED = 1024
_SEED = 7
_MULTIPLIERS = (
    0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F,
)  # fmt: skip
_TOKENS = re.compile(r"\w+|[^\w\s.,;:!?'\"…]")


def shingles(inputs: Mapping[str, str], *, size: int = SIZE) -> frozenset[str]:
    """Returns the character n-grams of an example's inputs; each input has its own.

    Example:
        >>> sorted(shingles({"text": "Hi, you!"}))
        [' hi ', ' you', 'hi y', 'i yo', 'you ']
    """
    if len(inputs) == 1:
        return frozenset(_grams(next(iter(inputs.values())), size))
    return frozenset(f"{name}:{gram}" for name, text in inputs.items() for gram in _grams(text, size))


def plain(text: str) -> str:
    """Returns what counts of a text: its words and signs in one case, one space between them.

    Example:
        >>> plain("Hi,  YOU!")
        'hi you'
    """
    folded = text.casefold()
    return " ".join(_TOKENS.findall(folded) or [folded])


def _grams(text: str, size: int) -> list[str]:
    bare = f" {plain(text)} "
    return [bare[i : i + size] for i in range(max(1, len(bare) - size + 1))]


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Returns how much of two sets is shared: the size of the intersection over that of the union."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def sign(sets: Sequence[frozenset[str]]) -> Signatures:
    """Returns one MinHash signature a row. The same sets give the same signatures on every machine."""
    import numpy as np
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_token_sets(sets, HASHES, _SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(sets), HASHES)


def scheme() -> str:
    """Returns what signatures depend on besides the rows, as a name: signatures of another scheme are others."""
    import unicodedata
    from importlib.metadata import version

    return f"{SIZE}-{HASHES}-{_SEED}-rensa-{version('rensa')}-unicode-{unicodedata.unidata_version}"


def find_clusters(rows: Mapping[str, Mapping[str, str]], *, signing: Signing | None = None) -> dict[str, str]:
    """Returns each example's cluster: the smallest id among its near duplicates, and theirs, and so on.

    Args:
        rows: Example id to inputs.
        signing: Returns the signatures of rows, in order of their ids; made here where None.
    """
    names = sorted(rows)
    forest = Forest(len(names))
    signatures = (signing or sign_rows)({name: rows[name] for name in names})
    for one, other in find_pairs([rows[name] for name in names], signatures=signatures, apart=forest.apart):
        forest.join(one, other)
    return dict(zip(names, (names[root] for root in forest.roots()), strict=True))


def find_pairs(
    rows: Sequence[Mapping[str, str]], *, signatures: Signatures | None = None, apart: Apart | None = None
) -> Iterator[tuple[int, int]]:
    """Yields pairs of rows that are near, by their positions.

    Args:
        rows: Inputs.
        signatures: Of the rows; made here where None.
        apart: Says of pairs whether they still need to be compared; all of them where None.
    """

    @lru_cache(maxsize=1 << 14)
    def grams(i: int) -> frozenset[str]:
        return shingles(rows[i])

    signed = _sign_all(rows, count=len(rows)) if signatures is None else signatures
    for one, other in find_candidates(signed, apart=apart):
        if jaccard(grams(one), grams(other)) >= NEAR:
            yield one, other


def sign_rows(rows: Mapping[str, Mapping[str, str]]) -> Signatures:
    """Returns the signatures of rows, shape (rows, hashes), in their order."""
    return _sign_all(rows.values(), count=len(rows))


def _sign_all(rows: Iterable[Mapping[str, str]], *, count: int) -> Signatures:
    """Signs in batches, so that the shingles of all rows are never held at once."""
    import numpy as np

    source = iter(rows)
    signed = np.empty((count, HASHES), dtype=np.uint32)
    for start in range(0, count, _SIGNED):
        batch = [shingles(row) for row in islice(source, _SIGNED)]
        signed[start : start + len(batch)] = sign(batch)
    return signed


def find_candidates(signatures: Signatures, *, apart: Apart | None = None) -> Iterator[tuple[int, int]]:
    """Yields the pairs that share a band and agree in enough hashes to be near, each once."""
    import numpy as np

    seen: set[tuple[int, int]] = set()
    for columns in np.split(signatures, BANDS, axis=1):
        keys = fold(columns)
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        for distance in range(1, WINDOW + 1):
            same = np.flatnonzero(ranked[distance:] == ranked[:-distance])
            if not len(same):
                break
            for start in range(0, len(same), _BATCH):
                part = same[start : start + _BATCH]
                ones, others = order[part], order[part + distance]
                if apart is not None:
                    split = apart(ones, others)
                    ones, others = ones[split], others[split]
                likely = (signatures[ones] == signatures[others]).mean(axis=1) >= NEAR - SLACK
                pairs = zip(ones[likely].tolist(), others[likely].tolist(), strict=True)
                fresh = [pair for pair in pairs if pair not in seen]
                seen.update(fresh)
                yield from fresh


def fold(columns: Signatures) -> NDArray[np.uint64]:
    """Returns one number a row for the hashes of a band: numbers sort many times faster than rows of bytes.

    Rows that differ have the same number once in 2^33 pairs at most; being compared is all that comes of it.
    """
    import numpy as np

    odd = np.array(_MULTIPLIERS[: columns.shape[1]], np.uint64)
    return np.asarray((columns.astype(np.uint64) * odd).sum(axis=1, dtype=np.uint64))
