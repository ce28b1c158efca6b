"""Signing on this machine: the texts of Parquet files, on as many threads as are allowed.

Owns the order of batches, which is that of the rows, and how many are under way at a time. numpy lets go of
Python's lock while it computes, so that threads are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.data.scale.clusters import Signed, sign_batch
from freehold.data.scale.scheme import Scheme
from freehold.data.scale.tables import Source, pack, read_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Batch", "sign_column", "sign_source"]


class Batch(NamedTuple):
    """Rows that were signed, whether each has a text, and how many bytes it has."""

    signed: Signed
    present: NDArray[np.bool_]
    sizes: NDArray[np.int64]


def sign_column(texts: Any, scheme: Scheme) -> Batch:
    """Returns what is kept of a column of texts: strings, or an array of pyarrow."""
    import numpy as np

    packed, present = pack(texts)
    return Batch(sign_batch(packed, scheme), present, np.diff(packed.starts))


def sign_source(source: Source, column: str, *, scheme: Scheme, memory: int, threads: int) -> Iterator[Batch]:
    """Yields the rows of files in order, signed.

    Args:
        source: The files.
        column: Has the texts.
        scheme: How they are signed.
        memory: Bytes for all batches under way together.
        threads: How many are signed at a time.
    """
    under_way: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="sign") as pool:
        for texts in read_texts(source, column, memory=memory // (threads + 1)):
            under_way.append(pool.submit(sign_column, texts, scheme))
            if len(under_way) > threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
