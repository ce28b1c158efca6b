"""Cleaning: how many texts each step takes in a second of processor time, and how often a language is told right.

Two corpora that every installation has: docstrings of the standard library, and the descriptions of the installed
packages. Languages: messages of this machine's programs in the languages that they were translated into
(`LC_MESSAGES/*.mo`), read where they are and not kept; where there are none, the table is left out.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import random
import re
import struct
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median

from bench.harness import Cell, Machine, Report, Table, publish, typed
from bench.intervals import wilson
from freehold.data.cleaning import DOCUMENTS, ROWS, Cleaning, Settings, cut_chunks
from freehold.data.cleaning.language import CONFIDENCE, tell_language

__all__ = ["languages", "main", "speeds"]

FAMILIES = ("unicode", "flags", "secrets", "pii", "language", "gopher", "c4", "fineweb", "unicode.mojibake")
BARS = (0.3, 0.5, CONFIDENCE, 0.8, 0.9)
LENGTHS = (8, 20, 40, 80, 10**6)
_MESSAGES = 60
_SYSTEM = Path("/usr/share")


def docstrings(*, count: int, seed: int) -> list[str]:
    """Returns docstrings of the standard library of 200 characters or more."""
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                found += [text] * (len(text) >= 200)
    random.Random(seed).shuffle(found)
    return found[:count]


def descriptions() -> list[str]:
    """Returns the descriptions of the installed packages."""
    raw = [each.read_text("METADATA") or "" for each in metadata.distributions()]
    return [body for text in raw if (body := text.partition("\n\n")[2]).strip()]


def speeds(texts: Sequence[str], *, name: str, repeats: int) -> Table:
    """Measures each family of steps alone, the two presets, and cutting into pieces."""
    steps: dict[str, Callable[[str], object]] = {
        family: Cleaning(Settings(steps=(family,))).clean for family in FAMILIES
    }
    steps["ROWS"] = Cleaning(Settings(steps=ROWS)).clean
    steps["DOCUMENTS"] = Cleaning(Settings(steps=DOCUMENTS)).clean
    steps["chunks of 200 words"] = lambda text: cut_chunks(text, words=200)
    megabytes = sum(map(len, texts)) / 1e6
    rows: list[Mapping[str, Cell]] = []
    for step, take in steps.items():
        take(texts[0])  # loads what the step needs
        seconds = median(_spend(take, texts) for _ in range(repeats))
        rows.append({"step": step, "texts/s": round(len(texts) / seconds), "MB/s": round(megabytes / seconds, 2)})
    return Table(f"{name}: {len(texts):,} texts, {megabytes:.2f} million characters, n = {repeats}", tuple(rows))


def _spend(take: Callable[[str], object], texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        take(text)
    return time.process_time() - start


def messages(*, seed: int) -> Iterator[tuple[str, str]]:
    """Yields languages and messages in them, at most 60 of a length of each."""
    known: dict[str, set[str]] = defaultdict(set)
    for path in sorted(_SYSTEM.rglob("LC_MESSAGES/*.mo")):
        folder = path.parent.parent.name
        if "@" not in folder:
            language = re.split(r"[_.]", folder)[0]
            known[{"nb": "no", "in": "id"}.get(language, language)].update(_sentences(path))
    shuffle = random.Random(seed).shuffle
    for language, texts in sorted(known.items()):
        chosen = sorted(texts)
        shuffle(chosen)
        taken = Counter[int]()
        for text in chosen:
            taken[_bucket(text)] += 1
            if taken[_bucket(text)] <= _MESSAGES:
                yield language, text


def _sentences(path: Path) -> Iterator[str]:
    """Yields what a catalogue has in its language: no options, no gaps to fill, nothing left in English."""
    try:
        with path.open("rb") as file:
            catalogue = vars(gettext.GNUTranslations(file))["_catalog"]
    except (OSError, ValueError, IndexError, struct.error):
        return
    for english, text in catalogue.items():
        if not isinstance(english, str) or not english or text == english or re.search("%|--|\n.", text):
            continue
        if sum(map(str.isalpha, text)) >= LENGTHS[0]:
            yield text.strip()


def _bucket(text: str) -> int:
    letters = sum(map(str.isalpha, text))
    return max(bound for bound in LENGTHS if bound <= letters)


def languages(*, seed: int) -> Table | None:
    """Measures how often a language is told and right, by confidence and letters."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    known = {str(name) for name in LanguageIdentifier.from_model_file(MODEL_FILE).nb_classes} - {"nn"}
    told: dict[int, list[tuple[bool, float]]] = defaultdict(list)
    for language, text in messages(seed=seed):
        if language in known:
            guess = tell_language(text, confidence=0.0, least=0)
            told[_bucket(text)].append((guess.language == language, guess.confidence))
    rows: list[Mapping[str, Cell]] = []
    for letters, guesses in sorted(told.items()):
        for bar in BARS:
            right = [each for each, confidence in guesses if confidence >= bar]
            share = len(right) / len(guesses)
            row: dict[str, Cell] = {"letters": f"{letters}+", "confidence": bar, "told": round(share, 3)}
            rows.append({**row, "right": wilson(sum(right), len(right)) if right else None})
    return Table("Languages told, by letters and confidence", tuple(rows)) if rows else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.cleaning", description=__doc__)
    parser.add_argument("--texts", type=int, default=2000, help="docstrings (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of each step (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=3, help="of what is chosen (default: %(default)s)")
    options = parser.parse_args(arguments)
    short, long = docstrings(count=options.texts, seed=options.seed), descriptions()
    tables = [
        speeds(short, name="Docstrings", repeats=options.repeats),
        speeds(long, name="Descriptions of packages", repeats=options.repeats),
        languages(seed=options.seed),
    ]
    kept = tuple(table for table in tables if table is not None)
    libraries = Machine.here("ftfy", "py3langid", "numpy")
    publish(Report("cleaning", libraries, options.seed, kept, command=typed("cleaning", arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
