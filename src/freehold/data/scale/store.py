"""Numbers that are kept between two passes: in memory, or on the disk where they are too many.

Owns named columns of one type each that only grow. Knows nothing of what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.errors import StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

__all__ = ["Store"]


class Store:
    """Columns by name.

    Args:
        folder: Where the columns lie, a file each; None keeps them in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._types: dict[str, np.dtype[Any]] = {}
        self._parts: dict[str, list[Numbers]] = {}
        self._files: dict[str, Any] = {}

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the files; they are not deleted."""
        for file in self._files.values():
            file.close()

    def append(self, name: str, numbers: Numbers) -> None:
        """Adds numbers at the end of a column, which begins with them where it is new.

        Raises:
            StorageError: They could not be written.
        """
        self._types.setdefault(name, numbers.dtype)
        if self._folder is None:
            self._parts.setdefault(name, []).append(numbers)
            return
        try:
            if name not in self._files:
                self._files[name] = (self._folder / name).open("wb")
            numbers.tofile(self._files[name])
        except OSError as error:
            raise StorageError(
                f"`{self._folder / name}` could not be written: {error.strerror}.",
                hint="Name a folder with more room as `scratch`.",
            ) from error

    def read(self, name: str, *, size: int = 1 << 20) -> Iterator[Numbers]:
        """Yields a column from its beginning, so many numbers at a time."""
        import numpy as np

        if self._folder is None:
            whole = self.whole(name)
            yield from (whole[start : start + size] for start in range(0, len(whole), size))
            return
        self._finish(name)
        with (self._folder / name).open("rb") as file:
            while len(numbers := np.fromfile(file, self._types[name], size)):
                yield numbers

    def whole(self, name: str) -> Numbers:
        """Returns a column to be read in any order; from the disk, only what is read comes into memory."""
        import numpy as np

        if self._folder is not None:
            self._finish(name)
            path = self._folder / name
            empty = not path.stat().st_size
            return np.empty(0, self._types[name]) if empty else np.memmap(path, self._types[name], mode="r")
        parts = self._parts[name]
        if len(parts) > 1:
            self._parts[name] = [np.concatenate(parts)]
        return self._parts[name][0]

    def _finish(self, name: str) -> None:
        if name in self._files:
            self._files[name].flush()
