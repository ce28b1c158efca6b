"""The words that a task does not want, in a file beside the task file: one a line, in UTF-8.

Owns the reading of that file. What becomes of a text that has such a word is for `cleaning`.
"""

from __future__ import annotations

from pathlib import Path

from freehold.data.cleaning import fold_words, is_word
from freehold.errors import Mistake, TaskFileError
from freehold.task import DataRules, digest, nearest

__all__ = ["digest_profanity", "read_profanity"]

LONGEST = 100
"""The most characters of a line. What is longer is no word, and the file probably no list."""

LARGEST = 10_000_000
_TOLD = 10


def read_profanity(rules: DataRules, folder: Path) -> frozenset[str]:
    """Returns the words of the file that `profanity` names, as `fold_words` does; none where it names none.

    Raises:
        TaskFileError: The file is not there, cannot be read, has no word, or lines that are no single word.
    """
    if not rules.profanity:
        return frozenset()
    lines = [line.strip() for line in _read(rules.profanity, folder).split("\n")]
    found = ((number, _find_mistake(line)) for number, line in enumerate(lines, start=1))
    mistakes = [Mistake(number, wrong) for number, wrong in found if wrong]
    if len(mistakes) > _TOLD:
        mistakes[_TOLD:] = [Mistake(mistakes[_TOLD].line, f"so is this, with {len(mistakes) - _TOLD - 1:,} more.")]
    if mistakes:
        raise TaskFileError(rules.profanity, mistakes)
    if not any(lines):
        raise _wrong(rules.profanity, "it has no word; write one a line.")
    return frozenset(word for line in lines for word in fold_words(line))


def digest_profanity(rules: DataRules, folder: Path) -> str:
    """Returns a name for the words, the same for the same; empty where there are none, or none can be read."""
    try:
        words = read_profanity(rules, folder)
    except TaskFileError:
        return ""
    return digest(sorted(words)) if words else ""


def _find_mistake(line: str) -> str:
    """Returns what is wrong with a line; empty where it is one word, or nothing."""
    if len(line) > LONGEST:
        return f"the line has {len(line):,} characters; a word has at most {LONGEST}."
    if line and not is_word(line):
        return f"{line!r} is not one word; a line has letters and digits alone."
    return ""


def _read(name: str, folder: Path) -> str:
    try:
        path = folder / Path(name).expanduser()
        if not path.is_file():
            raise _wrong(name, f"there is no such file{_elsewhere(path)}")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, RuntimeError, ValueError) as error:  # of a user who is not there, a name with a NUL
        raise _wrong(name, f"it cannot be read: {getattr(error, 'strerror', '') or error}.") from error
    if len(data) > LARGEST:
        raise _wrong(name, f"it is longer than {LARGEST:,} bytes.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TaskFileError(name, [Mistake(line, f"byte {data[error.start]:#04x} is not UTF-8.")]) from error


def _elsewhere(path: Path) -> str:
    if path.is_dir():
        return "; it is a folder."
    if not path.parent.is_dir():
        return f": there is no folder `{path.parent}`, and relative paths start at the task's folder."
    like = nearest(path.name, sorted(each.name for each in path.parent.iterdir()))
    return f"; did you mean `{like}`?" if like else f"; put it into `{path.parent}`, with one word a line."


def _wrong(name: str, why: str) -> TaskFileError:
    return TaskFileError("task.toml", [Mistake(0, f"`profanity` in `[data]` is {name!r}: {why}")])
