"""Results as folders: `results/<digest>`, hard links to blobs, so that any tool can open them.

Owns laying them out and mending them. They hold nothing of their own: all of `results/` could be removed and
would come back. Knows nothing of stages.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from freehold.errors import IntegrityError
from freehold.registry.blobs import MEND, Blobs
from freehold.task import file_digest

__all__ = ["Results"]

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_ATTEMPTS = 100
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


class Results:
    """The laid-out results of one state folder.

    Files are read-only. Folders are not, so that whoever owns the state folder can remove it.
    """

    def __init__(self, folder: Path, *, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs

    def path(self, digest: str) -> Path:
        """Returns where a result lies, or would lie."""
        return self._folder / digest

    def is_laid(self, digest: str, *, files: Mapping[str, str]) -> bool:
        """Returns whether the folder has exactly these files, each the blob itself or a faithful copy."""
        folder = self.path(digest)
        if not folder.is_dir():
            return False
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        return there == set(files) and all(
            self._is_blob(folder / name, sha256=sha256) for name, sha256 in files.items()
        )

    def lay(self, digest: str, *, files: Mapping[str, str], scratch: Path) -> None:
        """Lays a result out whose blobs are whole, in place of whatever lies there.

        Args:
            digest: The result.
            files: Relative POSIX name to sha256.
            scratch: A folder on the same disk; the result is built there and then moved.
        """
        built, target = scratch / "built", self.path(digest)
        built.mkdir()
        for name, sha256 in files.items():
            self._link(sha256, target=built / _checked(name))
        try:
            built.rename(target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            if not self.is_laid(digest, files=files):  # nobody else was faster: what lies there is damaged
                target.rename(scratch / "old")
                built.rename(target)

    def _is_blob(self, path: Path, *, sha256: str) -> bool:
        blob = self._blobs.path(sha256)
        if path.is_symlink() or not path.is_file() or not blob.is_file():
            return False
        return path.samefile(blob) or file_digest(path) == sha256

    def _link(self, sha256: str, *, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        blob = self._blobs.path(sha256)
        try:
            _link_or_retry(blob, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(blob, target)
            target.chmod(0o444)


def _link_or_retry(source: Path, target: Path) -> None:
    """Links a file that another process may replace by the same bytes meanwhile.

    Between finding a file and linking it, its last name can be taken by another file; the system then says that
    there is none.
    """
    for attempt in range(_ATTEMPTS):
        try:
            os.link(source, target)
            return
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1 or not source.exists():
                raise


def _checked(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise IntegrityError(f"{name!r} cannot be the name of a file in a result.", hint=MEND)
    return path
