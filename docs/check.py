"""Checks the documentation: `python -m docs.check`. Part of `make check`.

- Links between pages lead somewhere.
- `docs/cli.md` is what `docs/generate_cli.py` writes.
- Every key, kind and metric that the parser of task files knows is in `docs/task-file.md`.
- Every step of cleaning, and every rule with its bar, is in `docs/cleaning.md`.
- Examples marked as runnable run and print what the page says (see `examples.py`).

Words after the command are pages: only their examples are run.
"""

# ruff: noqa: T201

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from docs.examples import run_pages
from docs.generate_cli import PAGE, render
from docs.links import broken_links

ROOT = Path(__file__).resolve().parent.parent
FIRST = ("README.md", "docs/quickstart.md")
"""Pages that others may continue."""


def pages() -> list[Path]:
    """Returns every page of the documentation, those that others continue first."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    first = [ROOT / name for name in FIRST]
    return first + sorted(set(found) - set(first))


def check_links() -> list[str]:
    """Every page, and the log of experiments."""
    return [mistake for page in [*pages(), ROOT / "bench" / "LOG.md"] for mistake in broken_links(page)]


def check_cli() -> list[str]:
    """The generated reference is up to date."""
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == render():
        return []
    return [f"{PAGE}: not what the command line says now. Run: python -m docs.generate_cli"]


def check_task_file() -> list[str]:
    """Each word that the parser knows stands in backticks on the page."""
    from freehold.task import (
        FIELD_KINDS,
        SPLITS,
        datarules,
        origins,
        outputs,
        remote,
        synthesisreading,
        taskfile,
        teaching,
    )
    from freehold.task.metrics import ARTIFACT_METRICS, EXTRA_ERROR, METRICS

    page = ROOT / "docs" / "task-file.md"
    text = page.read_text(encoding="utf-8")
    keys = {*taskfile._TASK_KEYS, *outputs._KEYS, *ARTIFACT_METRICS, "auto", *SPLITS}
    keys |= {*origins._KEYS, *datarules._KEYS}
    keys |= {*teaching._KEYS, *teaching._LABEL_KEYS}
    keys |= {*synthesisreading._KEYS}
    keys |= {*remote._KEYS, *remote._PRICE_KEYS, *remote._ROUTER_KEYS}
    keys |= {EXTRA_ERROR, *FIELD_KINDS, *(metric for metrics in METRICS.values() for metric in metrics)}
    sections = {f"[{name}" for name in taskfile._SECTIONS if name not in ("source", "upstream", "teacher")}
    sections |= {"[[source]]", "[[upstream]]", "[[teacher]]"}
    missing = [key for key in sorted(keys) if f"`{key}`" not in text]
    missing += [section for section in sorted(sections) if f"`{section}" not in text]
    crawling = (ROOT / "docs" / "crawling.md").read_text(encoding="utf-8")
    missing += [key for key in origins._CRAWL if f"`{key}`" not in crawling]
    return [f"{page}: `{name}` is known to the parser and not documented." for name in missing]


def check_cleaning() -> list[str]:
    """Each step of cleaning, and each rule with its bar, is on the page."""
    from freehold.data.cleaning import RULES, list_steps

    page = ROOT / "docs" / "cleaning.md"
    text = page.read_text(encoding="utf-8")
    families = ("c4", "gopher", "fineweb")
    missing = [step for step in list_steps() if step.partition(".")[0] not in families and f"`{step}`" not in text]
    missing += [f"{name} | {rule.bar}" for name, rule in RULES.items() if f"| `{name}` | {rule.bar} |" not in text]
    return [f"{page}: `{name}` is known and not documented." for name in missing]


def check_examples(chosen: list[Path]) -> list[str]:
    """The marked examples run."""
    with tempfile.TemporaryDirectory(prefix="freehold-docs-") as folder:
        return run_pages(chosen, folder=Path(folder))


def main(words: list[str]) -> int:
    """Returns 0 where all is well and 1 otherwise."""
    chosen = [Path(word).resolve() for word in words] or pages()
    checks: dict[str, Callable[[], list[str]]] = {"examples": lambda: check_examples(chosen)}
    if not words:
        checks = {
            "links": check_links,
            "command line reference": check_cli,
            "task file reference": check_task_file,
            "cleaning reference": check_cleaning,
            **checks,
        }
    failed = 0
    for name, check in checks.items():
        start = time.perf_counter()
        mistakes = check()
        print(f"docs: {name}: {'ok' if not mistakes else 'wrong'} ({time.perf_counter() - start:.1f} s)")
        print(*mistakes, sep="\n", end="\n" if mistakes else "")
        failed += len(mistakes)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
