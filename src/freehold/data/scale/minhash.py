"""MinHash signatures, as the keys of their bands.

Owns how a text's shingles become one number a band: texts with the same number in a band are compared. Each hash
is a permutation a * x + c modulo 2^32 of the shingles' hashes, of which a text keeps the smallest (Broder, "On
the resemblance and containment of documents", 1997). Pure, and the same on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.data.scale.scheme import Scheme
from freehold.data.scale.words import Shingled, mix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Signatures = NDArray[np.uint32]

__all__ = ["find_keys", "sign"]

_MOST = 1 << 16
"""Shingles that are permuted at a time: they stay in the processor's cache."""


def sign(shingled: Shingled, scheme: Scheme) -> Signatures:
    """Returns the signatures of texts, shape (hashes, texts)."""
    import numpy as np

    count = scheme.bands * scheme.rows
    scale = [np.uint32(number >> 32 | 1) for number in scheme.numbers(count, lane=2)]
    shift = [np.uint32(number >> 32) for number in scheme.numbers(count, lane=3)]
    signatures = np.empty((count, len(shingled.starts) - 1), np.uint32)
    for low, high in _cut(shingled):
        begin = shingled.starts[low]
        hashes = shingled.hashes[begin : shingled.starts[high]]
        places = shingled.starts[low:high] - begin
        permuted = np.empty_like(hashes)
        for number in range(count):
            np.multiply(hashes, scale[number], out=permuted)
            permuted += shift[number]
            np.minimum.reduceat(permuted, places, out=signatures[number, low:high])
    return signatures


def find_keys(signatures: Signatures, scheme: Scheme) -> Keys:
    """Returns one number for each band of each text, shape (bands, texts).

    Bands that differ have the same number once in 2^64 pairs.
    """
    import numpy as np

    odd = [np.uint64(number | 1) for number in scheme.numbers(scheme.rows, lane=4)]
    keys = np.zeros((scheme.bands, signatures.shape[1]), np.uint64)
    for band, key in enumerate(keys):
        for row in range(scheme.rows):
            key += signatures[band * scheme.rows + row].astype(np.uint64) * odd[row]
    return mix(keys)


def _cut(shingled: Shingled) -> list[tuple[int, int]]:
    """Returns ranges of texts with so many shingles each, or with one text that has more."""
    import numpy as np

    end = len(shingled.starts) - 1
    wanted = np.arange(_MOST, int(shingled.starts[-1]), _MOST)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(shingled.starts, wanted), [end]]))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
