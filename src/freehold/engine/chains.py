"""Linear chains in numpy: the best path, how probable it is, and how probable each of its pieces is.

Owns Viterbi's decoding and the forward and backward sums (Rabiner 1989; Lafferty et al. 2001), with the sums
scaled at each step so that a chain can be as long as a book. Knows nothing of words or labels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine.tags import NEVER

__all__ = ["Chain", "Sums", "best_path", "path_score", "sum_paths", "total_score"]

_LOWEST = -600.0


class Chain(NamedTuple):
    """The scores of one chain.

    Attributes:
        words: Score of each tag at each word, shape (words, tags), at least one word.
        start: Of each tag at the first word, shape (tags,).
        end: Of each tag at the last word, shape (tags,).
        moves: Of the column's tag behind the row's, shape (tags, tags).
    """

    words: NDArray[np.floating]
    start: NDArray[np.floating]
    end: NDArray[np.floating]
    moves: NDArray[np.floating]

    def divided(self, temperature: float) -> Chain:
        """Returns the chain with all scores divided; what can never be stays so."""
        shrink = [np.maximum(self.words.astype(np.float64) / temperature, NEVER)]
        for part in (self.start, self.end, self.moves):
            wide = part.astype(np.float64)
            shrink.append(np.where(wide <= NEVER / 2, NEVER, wide / temperature))
        return Chain(*shrink)


class Sums(NamedTuple):
    """What `sum_paths` finds.

    Attributes:
        total: Logarithm of the sum over all paths.
        places: Probability of each tag at each word, shape (words, tags).
        onward: Weight of each tag at each word, from the word itself to the end, shape (words, tags), equal up
            to a factor a word: `moves[s] * onward[i]` normalised is what follows tag `s` of word `i - 1`.
    """

    total: float
    places: NDArray[np.float64]
    onward: NDArray[np.float64]


def best_path(chain: Chain) -> NDArray[np.int64]:
    """Returns the tags of the best path, shape (words,); of equally good ones, that with the lowest tags."""
    count, tags = chain.words.shape
    arrivals = np.ascontiguousarray(chain.moves.T)
    every = np.arange(tags)
    came = np.zeros((count, tags), np.int64)
    best = chain.start + chain.words[0]
    for i in range(1, count):
        scores = arrivals + best
        came[i] = scores.argmax(1)
        best = scores[every, came[i]] + chain.words[i]
    path = np.zeros(count, np.int64)
    path[-1] = (best + chain.end).argmax()
    for i in range(count - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    return path


def path_score(chain: Chain, path: NDArray[np.int64]) -> float:
    """Returns the score of a path."""
    words = chain.words[np.arange(len(path)), path].sum()
    return float(words + chain.start[path[0]] + chain.end[path[-1]] + chain.moves[path[:-1], path[1:]].sum())


def total_score(chain: Chain) -> float:
    """Returns the logarithm of the sum over all paths."""
    return _forward(chain, np.exp(chain.moves))[1]


def sum_paths(chain: Chain) -> Sums:
    """Returns the sum over all paths and the probabilities that it gives."""
    moves = np.exp(chain.moves)
    forward, total = _forward(chain, moves)
    weights = np.exp(np.maximum(chain.words - chain.words.max(1, keepdims=True), _LOWEST), dtype=np.float64)
    places, onward = np.zeros_like(weights), np.zeros_like(weights)
    back = np.exp(chain.end)
    for i in range(len(weights) - 1, -1, -1):
        shares = forward[i] * back
        places[i] = shares / shares.sum()
        onward[i] = weights[i] * back
        back = moves @ onward[i]
        back = back / back.max()
    return Sums(total, places, onward)


def _forward(chain: Chain, moves: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Returns how likely each tag is given the words up to it, up to a factor a word, and the sum of all paths."""
    shares = np.zeros(chain.words.shape, np.float64)
    total = 0.0
    arrivals = chain.start
    with np.errstate(divide="ignore"):  # the logarithm of what cannot be
        for i, scores in enumerate(chain.words):
            if i:
                arrivals = np.log(shares[i - 1] @ moves)
            here = arrivals + scores
            top = here.max()
            shares[i] = np.exp(here - top)
            total += float(top)
    return shares, total + float(np.log(shares[-1] @ np.exp(chain.end)))
