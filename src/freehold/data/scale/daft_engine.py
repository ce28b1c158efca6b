"""Signing with Daft, on this machine or on a Ray cluster. Alone imports daft, and only where it is asked for.

Owns how row groups are handed out and how what comes back is put in order. Each row group is signed by the same
function as on this machine without Daft, wherever it runs: its worker must see the files under the same paths,
and have Freehold installed. Daft and Ray send nothing about their use: Daft would at its import, so that its
switches are set before.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from freehold.data.scale.clusters import Signed
from freehold.data.scale.scheme import Scheme
from freehold.data.scale.signing import Batch, sign_column
from freehold.data.scale.tables import Source, read_texts
from freehold.errors import MissingExtraError, OperatorError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["sign_with_daft"]

QUIET = {
    "DO_NOT_TRACK": "1",
    "DAFT_ANALYTICS_ENABLED": "0",
    "SCARF_NO_ANALYTICS": "1",
    "DAFT_PROGRESS_BAR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Nothing is sent to anybody and nothing printed over the caller's own display; a Ray of this machine alone has
its ports on loopback, as it has elsewhere by default."""

_PARTS = ("names", "hashes", "counts", "keys", "present", "sizes")
_TYPES = ("u8", "u4", "u4", "u8", "?", "i8")


def sign_with_daft(
    source: Source, column: str, *, scheme: Scheme, on: Literal["daft", "ray"], memory: int
) -> Iterator[Batch]:
    """Yields the row groups of files in order, signed.

    Args:
        source: The files.
        column: Has the texts.
        scheme: How they are signed.
        on: `daft`: this machine; `ray`: the cluster that `RAY_ADDRESS` names, or one of this machine.
        memory: Bytes for what a worker signs at a time.

    Raises:
        MissingExtraError: Daft or Ray is not installed.
        OperatorError: Another runner was chosen in this process before, or the cluster cannot be reached.
    """
    daft = _load(on)
    pieces = source.groups()
    kind = daft.DataType.struct({name: daft.DataType.binary() for name in _PARTS})

    @daft.func(return_dtype=kind, use_process=False)  # type: ignore[untyped-decorator]
    def sign(path: str, group: int) -> dict[str, bytes]:
        return _sign_group(Path(path), group, column=column, scheme=scheme, memory=memory)

    frame = daft.from_pydict(
        {
            "number": list(range(len(pieces))),
            "path": [str(path.resolve()) for path, _ in pieces],
            "group": [group for _, group in pieces],
        }
    )
    if on == "ray":
        frame = frame.into_partitions(max(1, len(pieces)))
    signed = frame.select("number", sign(daft.col("path"), daft.col("group")).alias("signed"))
    yield from _order(signed, scheme)


def _order(frame: Any, scheme: Scheme) -> Iterator[Batch]:
    """Yields what comes back by its numbers, whichever way it comes."""
    waiting: dict[int, Batch] = {}
    number = 0
    for batch in frame.to_arrow_iter(results_buffer_size=2):
        for row in batch.to_pylist():
            waiting[row["number"]] = _unpack(row["signed"], scheme)
        while number in waiting:
            yield waiting.pop(number)
            number += 1


def _sign_group(path: Path, group: int, *, column: str, scheme: Scheme, memory: int) -> dict[str, bytes]:
    """Returns what is kept of a row group, as bytes."""
    import numpy as np

    texts = read_texts(Source.open(path), column, memory=memory, group=group)
    batches = [sign_column(each, scheme) for each in texts]
    signed = [batch.signed for batch in batches]
    whole: dict[str, NDArray[np.generic]] = {
        "names": np.concatenate([each.names for each in signed]),
        "hashes": np.concatenate([each.hashes for each in signed]),
        "counts": np.concatenate([each.counts for each in signed]),
        "keys": np.concatenate([each.keys for each in signed], axis=1),
        "present": np.concatenate([batch.present for batch in batches]),
        "sizes": np.concatenate([batch.sizes for batch in batches]),
    }
    return {name: np.ascontiguousarray(values).tobytes() for name, values in whole.items()}


def _unpack(row: dict[str, bytes], scheme: Scheme) -> Batch:
    import numpy as np

    names, hashes, counts, keys, present, sizes = (
        np.frombuffer(row[part], kind) for part, kind in zip(_PARTS, _TYPES, strict=True)
    )
    return Batch(Signed(names, hashes, counts, keys.reshape(scheme.bands, -1)), present, sizes)


def _load(on: Literal["daft", "ray"]) -> Any:
    """Returns the module daft with its runner chosen."""
    os.environ.update(QUIET)
    try:
        import daft
    except ImportError as error:
        raise MissingExtraError("daft", "scale") from error
    wanted = "ray" if on == "ray" else "native"
    if on == "ray":
        _start_ray()
        with suppress(RuntimeError):  # it was chosen before: asked for below
            daft.set_runner_ray(noop_if_initialized=True)
    if (chosen := daft.runners.get_or_infer_runner_type()) != wanted:
        raise OperatorError(
            f"Daft runs on {chosen!r} in this process already, and cannot change to {wanted!r}.",
            hint="Start another process.",
        )
    return daft


def _start_ray() -> None:
    """Joins the cluster that `RAY_ADDRESS` names, or starts one of this machine's that nobody else can reach.

    Raises:
        MissingExtraError: Ray is not installed.
        OperatorError: The cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    if ray.is_initialized():
        return
    address = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(
            address=address or "local",
            runtime_env={"env_vars": QUIET},
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if address else {"include_dashboard": False}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OperatorError(
            f"Ray cannot be used at {address or 'this machine'!r}: {error}.",
            hint="Set `RAY_ADDRESS` to a cluster that runs, or unset it to start one here.",
        ) from error
