"""Near duplicates of texts that are in memory already.

Owns the shortest way to clusters, without files. Knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from freehold.data.scale.clusters import Clusters, Collection
from freehold.data.scale.scheme import Scheme
from freehold.data.scale.signing import sign_column
from freehold.data.scale.store import Store

__all__ = ["find_near"]

BATCH = 4096
_MEMORY = 1 << 34


def find_near(texts: Sequence[str | None], *, scheme: Scheme | None = None, exact: bool = True) -> Clusters:
    """Returns the clusters of texts by their positions.

    Args:
        texts: Where there is None, it is a cluster of its own.
        scheme: What is near; a Jaccard similarity of 0.8 over shingles of five words where None.
        exact: Compares pairs exactly before they are joined; otherwise whatever meets in a band is joined.

    Example:
        >>> text = "one two three four five six seven eight nine ten"
        >>> find_near([text, "something else", text.title()]).roots.tolist()
        [0, 1, 0]
    """
    scheme = scheme or Scheme.derive()
    collection = Collection(scheme, store=Store(), exact=exact)
    for start in range(0, len(texts), BATCH):
        batch = sign_column(list(texts[start : start + BATCH]), scheme)
        collection.add(batch.signed, present=batch.present)
    return collection.find(memory=_MEMORY)
