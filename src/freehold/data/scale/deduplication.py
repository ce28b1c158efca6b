"""Near duplicates from Parquet to Parquet, with as much memory as is allowed.

Owns the three passes: sign (the texts are read once, what is kept of them goes to the disk), compare (bands are
sorted part by part), write (all columns are read once more). A run that is ended at any moment leaves the target
as it was; it begins anew. Knows nothing of how texts are signed, and by whom.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from freehold.data.scale.clusters import Clusters, Collection
from freehold.data.scale.keeping import Keep, choose
from freehold.data.scale.leftovers import scratch
from freehold.data.scale.scheme import Scheme
from freehold.data.scale.signing import Batch, sign_source
from freehold.data.scale.store import Store
from freehold.data.scale.tables import Source, read_ranks, write
from freehold.errors import DataError, StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ranks = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["Means", "Progress", "Report", "deduplicate"]

Step = Literal["sign", "compare", "write"]


class Means(NamedTuple):
    """What a run may use.

    Attributes:
        memory_mb: For batches and sorting; besides, each row takes some 40 bytes.
        threads: How many batches are signed at a time on this machine.
        scratch: Folder for what is kept between passes, some 400 bytes a row; the target's own where None.
        on: `local`: this process; `daft`: Daft on this machine; `ray`: Daft on the Ray cluster that
            `RAY_ADDRESS` names, or a new one on this machine.
    """

    memory_mb: int = 1024
    threads: int = 1
    scratch: Path | None = None
    on: Literal["local", "daft", "ray"] = "local"


class Progress(NamedTuple):
    """How far a step is: rows for `sign` and `write`, bands for `compare`."""

    step: Step
    done: int
    total: int


class Report(NamedTuple):
    """What was found.

    Attributes:
        rows: That were read.
        kept: That were written.
        empty: Rows without a text; each stays.
        clusters: Of more than one row.
        clustered: Rows in them.
        largest: Rows of the largest.
        same: Rows with the very words of an earlier one.
        compared: Pairs that were compared exactly.
        near: Those of them that are near.
        probability: For each similarity how probably such a pair was compared.
        seconds: Of each step.
    """

    rows: int
    kept: int
    empty: int
    clusters: int
    clustered: int
    largest: int
    same: int
    compared: int
    near: int
    probability: Mapping[float, float]
    seconds: Mapping[Step, float]


def deduplicate(
    source: Path,
    target: Path,
    *,
    column: str,
    scheme: Scheme | None = None,
    keep: Keep | None = None,
    exact: bool = True,
    means: Means | None = None,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Writes a Parquet file with the column `cluster`, and of each cluster the row that is kept.

    `cluster` is the number of the first row of the cluster in the source, from 0. The same source and scheme give
    the same rows on every machine.

    Args:
        source: A Parquet file, or a folder of them with the same columns.
        target: The file to write; one that is there is replaced at the end.
        column: Has the texts.
        scheme: What is near: by default a Jaccard similarity of 0.8 over shingles of five words.
        keep: Which row of a cluster stays; by default the first.
        exact: Compares pairs exactly before they are joined; otherwise whatever meets in a band is joined.
        means: What may be used.
        tell: Called while the run goes on.

    Raises:
        DataError: The source cannot be read, or has no such column.
        StorageError: The target or the scratch folder cannot be written.
        MissingExtraError: `means` asks for Daft or Ray, which are not installed.
    """
    asked = _Asked(column, scheme or Scheme.derive(), keep or Keep(), exact, means or Means(), tell)
    opened = _check(source, target, column=column, keep=asked.keep)
    clock = _Clock()
    with scratch(asked.means.scratch or target.parent) as folder, Store(folder) as store:
        clusters, seen = _find(opened, asked, store=store, clock=clock)
    kept = _choose(clusters, asked, lengths=seen.sizes, source=opened)
    _write(opened, target, asked=asked, clusters=clusters, kept=kept)
    clock.stop("write")
    return _report(clusters, kept=kept, empty=seen.empty, scheme=asked.scheme, seconds=clock.seconds)


class _Asked(NamedTuple):
    """What `deduplicate` was asked for."""

    column: str
    scheme: Scheme
    keep: Keep
    exact: bool
    means: Means
    tell: Callable[[Progress], None]

    @property
    def memory(self) -> int:
        return self.means.memory_mb << 20


class _Seen(NamedTuple):
    """What was counted while rows were signed."""

    sizes: Ranks
    empty: int


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self.seconds: dict[Step, float] = {}

    def stop(self, step: Step) -> None:
        now = time.perf_counter()
        self.seconds[step], self._since = now - self._since, now


def _check(source: Path, target: Path, *, column: str, keep: Keep) -> Source:
    keep.check()
    if target.resolve() == source.resolve() or source.resolve() in target.resolve().parents:
        raise DataError(f"`{target}` is the source, or lies in it.", hint="Name another target.")
    if not target.parent.is_dir():
        raise StorageError(f"the folder `{target.parent}` is not there.", hint="Make it first.")
    opened = Source.open(source)
    opened.check(column)
    if "cluster" in opened.schema.names:
        raise DataError(f"`{source}` has a column `cluster` already.", hint="Rename it first.")
    return opened


def _find(source: Source, asked: _Asked, *, store: Store, clock: _Clock) -> tuple[Clusters, _Seen]:
    """Signs and compares."""
    collection = Collection(asked.scheme, store=store, exact=asked.exact)
    seen = _sign(_signing(source, asked), collection, total=source.rows, tell=asked.tell)
    clock.stop("sign")
    clusters = collection.find(
        memory=asked.memory // 2, tell=lambda done, total: asked.tell(Progress("compare", done, total))
    )
    clock.stop("compare")
    return clusters, seen


def _signing(source: Source, asked: _Asked) -> Iterator[Batch]:
    memory, scheme = asked.memory // 2, asked.scheme
    if asked.means.on == "local":
        threads = asked.means.threads
        return sign_source(source, asked.column, scheme=scheme, memory=memory, threads=threads)
    from freehold.data.scale.daft_engine import sign_with_daft

    return sign_with_daft(source, asked.column, scheme=scheme, on=asked.means.on, memory=memory)


def _sign(
    batches: Iterator[Batch], collection: Collection, *, total: int, tell: Callable[[Progress], None]
) -> _Seen:
    import numpy as np

    sizes, done, empty = np.empty(total), 0, 0
    for batch in batches:
        collection.add(batch.signed, present=batch.present)
        sizes[done : done + len(batch.sizes)] = batch.sizes
        done += len(batch.sizes)
        empty += int((~batch.present).sum())
        tell(Progress("sign", done, total))
    if done != total:
        raise DataError(f"{done:,} rows were read where the files say {total:,}.")
    return _Seen(sizes, empty)


def _choose(clusters: Clusters, asked: _Asked, *, lengths: Ranks, source: Source) -> Mask:
    import numpy as np

    if asked.keep.policy == "all":
        return np.ones(len(clusters.roots), bool)
    if asked.keep.by:
        return choose(clusters.roots, read_ranks(source, asked.keep.by, memory=asked.memory))
    return choose(clusters.roots, lengths if asked.keep.policy == "longest" else None)


def _write(source: Source, target: Path, *, asked: _Asked, clusters: Clusters, kept: Mask) -> None:
    write(
        source,
        target,
        clusters=clusters.roots,
        kept=kept,
        memory=asked.memory,
        tell=lambda done: asked.tell(Progress("write", done, source.rows)),
    )


def _report(
    clusters: Clusters, *, kept: Mask, empty: int, scheme: Scheme, seconds: Mapping[Step, float]
) -> Report:
    import numpy as np

    sizes = np.bincount(clusters.roots) if len(kept) else np.zeros(1, np.int64)
    several = Counter(sizes[sizes > 1].tolist())
    return Report(
        rows=len(kept),
        kept=int(kept.sum()),
        empty=empty,
        clusters=several.total(),
        clustered=sum(size * count for size, count in several.items()),
        largest=int(sizes.max()),
        same=clusters.same,
        compared=clusters.compared,
        near=clusters.near,
        probability=scheme.curve(),
        seconds=seconds,
    )
