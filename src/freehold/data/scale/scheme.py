"""What "near" means at scale, and how it is found: shingles of words, hashes, bands.

Owns the numbers and the probability that two texts meet. Pure. Two texts are near when the sets of their word
shingles have a Jaccard similarity of at least the threshold. Texts whose MinHash signatures agree in a whole band
are compared; with a similarity of s, b bands of r hashes meet with the probability 1 - (1 - s^r)^b (Leskovec,
Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from freehold.errors import DataError

__all__ = ["Scheme"]

SURE = 0.99
"""How probably two texts exactly at the threshold must be compared."""

_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Scheme:
    """How texts are signed.

    Attributes:
        threshold: The Jaccard similarity from which on two texts are near.
        words: How many words a shingle has.
        bands: How many chances a pair has to meet.
        rows: How many hashes must agree for that.
        seed: Of the hashes: another seed gives other hashes, and the same one the same on every machine.
    """

    threshold: float
    words: int
    bands: int
    rows: int
    seed: int

    @classmethod
    def derive(cls, threshold: float = 0.8, *, words: int = 5, hashes: int = 120, seed: int = 7) -> Scheme:
        """Returns the scheme with the longest bands that still let 99 % of pairs at the threshold meet.

        The longer the bands, the fewer pairs below the threshold are compared.

        Args:
            threshold: Above 0 and at most 1.
            words: Of a shingle.
            hashes: Of a signature, at most; more of them cost time and compare fewer pairs in vain.
            seed: Of the hashes.

        Raises:
            DataError: A number is out of its range, or there are too few hashes for the threshold.

        Example:
            >>> Scheme.derive(0.8)
            Scheme(threshold=0.8, words=5, bands=20, rows=6, seed=7)
        """
        if not 0 < threshold <= 1:
            raise DataError(f"`threshold` is {threshold!r}; it must be above 0 and at most 1.")
        if words < 1 or hashes < 1:
            raise DataError(f"`words` is {words!r} and `hashes` {hashes!r}; both must be 1 or more.")
        for rows in range(hashes, 0, -1):
            scheme = cls(threshold, words, hashes // rows, rows, seed)
            if scheme.probability(threshold) >= SURE:
                return scheme
        raise DataError(
            f"{hashes!r} hashes are too few for the threshold {threshold!r}.",
            hint="Give more `hashes`, or a higher `threshold`.",
        )

    def probability(self, similarity: float) -> float:
        """Returns how probably two texts of this similarity are compared.

        Example:
            >>> [round(Scheme.derive(0.8).probability(s), 4) for s in (0.3, 0.5, 0.8, 0.9)]
            [0.0145, 0.2702, 0.9977, 1.0]
        """
        return float(1 - (1 - similarity**self.rows) ** self.bands)

    def curve(self) -> dict[float, float]:
        """Returns the probability for similarities from 0 to 1 in steps of 0.05."""
        return {step / 20: self.probability(step / 20) for step in range(21)}

    def numbers(self, count: int, *, lane: int) -> list[int]:
        """Returns 64-bit numbers that follow from the seed, others for each lane (splitmix64)."""
        state, made = (self.seed * 0x9E3779B97F4A7C15 + lane * 0xD1342543DE82EF95) & _WORD, []
        for _ in range(count):
            state = (state + 0x9E3779B97F4A7C15) & _WORD
            mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
            made.append(mixed ^ (mixed >> 31))
        return made
