"""Runs the examples in Markdown pages and compares what they print.

Owns the marks and the comparison. A fenced block is run when the word `run` follows its language:

- `console run`: lines with `$ ` are commands for bash, the lines below them what stands on the terminal after
  it: stdout, and stderr too where the command is meant to fail. `exit=2` after `run` says with which code.
- `python run`: with `>>> ` prompts, compared as doctest does, in a process of its own.
- `toml run file=PATH` (any language): the block is written to that file.

`...` stands for anything, within a line or, alone on its line, for any lines. Each page has a folder of its
own, and its blocks run in order. A page that says `<!-- continues PAGE -->` starts with a copy of what that
page left. The state of a page's tasks lies beside them in `.state`; pages share the cache of features and graphs
in it, which changes how long a run takes and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "matches", "read_blocks", "run_pages"]

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```\s*$", re.M | re.S)
CONTINUES = re.compile(r"<!-- continues (\S+) -->")
CACHE = ".state/cache"
LIMIT = 300
"""Seconds after which a command of a page is given up."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block that is to be run."""

    page: Path
    line: int
    language: str
    options: dict[str, str]
    text: str


def read_blocks(page: Path) -> list[Block]:
    """Returns the blocks of a page that are marked with `run`, in order."""
    content = page.read_text(encoding="utf-8")
    blocks = []
    for match in FENCE.finditer(content):
        words = match["info"].split()
        if "run" not in words[1:]:
            continue
        options = dict(word.split("=", 1) for word in words if "=" in word)
        line = content.count("\n", 0, match.start()) + 1
        text = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M)
        blocks.append(Block(page, line, words[0], options, text))
    return blocks


def matches(expected: str, found: str) -> bool:
    """Tells whether `found` is `expected`, apart from spaces at line ends and what `...` stands for."""
    wanted = [line.rstrip() for line in expected.strip("\n").splitlines()]
    said = "\n".join(line.rstrip() for line in found.strip("\n").splitlines())
    pattern = "".join(_line_pattern(line) for line in wanted)
    return re.fullmatch(pattern, f"{said}\n" if said else "", re.S) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in line.split("...")) + r"\n"


def run_pages(pages: list[Path], *, folder: Path) -> list[str]:
    """Runs the blocks of all pages below `folder` and returns what went wrong, one text for each wrong page.

    A page that continues a wrong one is not run.
    """
    mistakes: dict[str, str] = {}
    for page in pages:
        blocks = read_blocks(page)
        if not blocks:
            continue
        place = folder / page.stem
        before = CONTINUES.search(page.read_text(encoding="utf-8"))
        if before and Path(before[1]).stem in mistakes:
            mistakes[page.stem] = f"{page}: not run: it continues `{before[1]}`, which is wrong."
            continue
        if before:
            shutil.copytree(folder / Path(before[1]).stem, place, symlinks=True)
        place.mkdir(exist_ok=True)
        _share_cache(folder, place)
        if mistake := _run_page(blocks, place):
            mistakes[page.stem] = mistake
    return list(mistakes.values())


def _share_cache(folder: Path, place: Path) -> None:
    """Gives a page the cache that an earlier one left."""
    left = next(folder.glob(f"*/{CACHE}"), None)
    if left and not (place / CACHE).exists():
        shutil.copytree(left, place / CACHE)


def _run_page(blocks: list[Block], place: Path) -> str:
    """Runs a page's blocks up to the first mistake, and returns it: what follows relies on what came before."""
    for block in blocks:
        if "file" in block.options:
            mistake = _write(place / block.options["file"], block.text)
        elif block.language == "python":
            mistake = _run_python(block, place)
        else:
            mistake = next(_run_console(block, place), "")
        if mistake:
            return f"{block.page}:{block.line}: {mistake}"
    return ""


def _write(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return ""


def _run_console(block: Block, place: Path) -> Iterator[str]:
    """Yields what is wrong with each command of a block."""
    code = int(block.options.get("exit", "0"))
    for command, expected in _commands(block.text):
        done = _run(["bash", "-c", command], place)
        said = done.stdout + done.stderr if code else done.stdout
        if done.returncode != code:
            yield f"`{command}` ended with {done.returncode} instead of {code}:\n{done.stdout}{done.stderr}"
        elif not matches(expected, said):
            yield f"`{command}` should print:\n{expected}\nbut printed:\n{said}"


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yields each command with the output that the page shows; a backslash at a line's end continues it."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        lines = part.splitlines()
        last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
        yield "\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])


def _run_python(block: Block, place: Path) -> str:
    """Runs a block as a doctest and returns what is wrong with it."""
    file = place / "example.txt"
    file.write_text(block.text, encoding="utf-8")
    words = [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", file.name]
    done = _run(words, place)
    file.unlink()
    return f"the example fails:\n{done.stdout}{done.stderr}" if done.returncode else ""


def _run(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=place, env=_environment(place), capture_output=True, text=True, timeout=LIMIT, check=False
    )


def _environment(place: Path) -> dict[str, str]:
    """Returns the environment of a fresh install: our settings unset, no colours, no network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    plain = {"NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb", "HF_HUB_OFFLINE": "1"}
    return {**kept, **plain, "PATH": path, "FREEHOLD_STATE": str(place / ".state")}
