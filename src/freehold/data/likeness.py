"""How like other rows new rows are: what stage 1 lends to whoever makes rows.

Owns no measure of its own: near is what `neighbours` calls near, a leak what `leakage` keeps apart, a language
what cleaning tells. Knows nothing of who made the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from freehold.data.neighbours import BANDS, NEAR, SLACK, find_clusters, fold, jaccard, shingles, sign_rows

__all__ = ["Likeness"]

_DIGITS = re.compile(r"\d+")

Inputs = Mapping[str, str]


class Likeness:
    """Compares rows. Texts of test rows are compared with and never given back."""

    def find_near(self, new: Sequence[Inputs], known: Sequence[Inputs]) -> dict[int, int]:
        """Returns the position of each new row that is near a known one, and the position of the first such row.

        Every known row in a new one's bands is looked at, however many rows share them.
        """
        found: dict[int, int] = {}
        for one, other in _candidates(new, known):
            if one not in found and jaccard(shingles(new[one]), shingles(known[other])) >= NEAR:
                found[one] = other
        return found

    def find_leaks(self, new: Sequence[Inputs], tests: Sequence[Inputs]) -> dict[int, str]:
        """Returns the position of each new row that gives a test row away, and how: `exact`, `near` or `typo`."""
        from freehold.data.scale import find_leaks

        ours, theirs = (["\n".join(row.values()) for row in rows] for rows in (new, tests))
        found = dict.fromkeys(self.find_near(new, tests), "near")
        for leak in reversed(find_leaks(ours, theirs, near=False).pairs):
            same = _DIGITS.findall(ours[leak.train]) == _DIGITS.findall(theirs[leak.benchmark])
            if leak.kind in ("exact", "recased"):
                found[leak.train] = "exact"
            elif leak.kind == "typo" and same:
                found.setdefault(leak.train, "typo")
        return found

    def find_clusters(self, rows: Sequence[Inputs]) -> list[int]:
        """Returns for each row the position of the first row of its cluster of near duplicates."""
        width = len(str(len(rows)))
        found = find_clusters({f"{place:0{width}}": row for place, row in enumerate(rows)})
        return [int(found[f"{place:0{width}}"]) for place in range(len(rows))]

    def tell_languages(self, rows: Sequence[Inputs]) -> list[str]:
        """Returns the ISO 639 code of each row's language; empty where it is too short or unsure to tell."""
        from freehold.data.cleaning import tell_language

        return [tell_language("\n".join(row.values())).language for row in rows]


def _candidates(new: Sequence[Inputs], known: Sequence[Inputs]) -> Iterator[tuple[int, int]]:
    """Yields pairs of positions that share a band and agree in enough hashes to be near, each once."""
    import numpy as np

    if not new or not known:
        return
    ours, theirs = (sign_rows({str(place): row for place, row in enumerate(rows)}) for rows in (new, known))
    seen: set[tuple[int, int]] = set()
    for mine, its in zip(np.split(ours, BANDS, axis=1), np.split(theirs, BANDS, axis=1), strict=True):
        keys, other_keys = fold(mine), fold(its)
        order = np.argsort(other_keys, kind="stable")
        ranked = other_keys[order]
        starts, stops = (np.searchsorted(ranked, keys, side=side) for side in ("left", "right"))
        for one in np.flatnonzero(stops > starts).tolist():
            others = order[starts[one] : stops[one]]
            likely = others[(theirs[others] == ours[one]).mean(axis=1) >= NEAR - SLACK]
            fresh = [(one, other) for other in likely.tolist() if (one, other) not in seen]
            seen.update(fresh)
            yield from fresh
