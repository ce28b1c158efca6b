"""The rules of the house that a linter does not know. Allow-lists only shrink."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "freehold"
MODULES = sorted(SOURCE.rglob("*.py"))
FILES = sorted(path for part in ("src", "tests", "bench", "docs") for path in (ROOT / part).rglob("*.py"))

LONGEST_FILE = 400
LONG_FILES: set[str] = set()

LONGEST_FUNCTION = 40
LONG_FUNCTIONS = {
    "src/freehold/feedback/inbox.py:accept",
    "src/freehold/registry/migrations/versions/0001_first.py:_make_models",
    "src/freehold/registry/migrations/versions/0001_first.py:_make_results",
    "src/freehold/serve/routes.py:add_routes",
    "src/freehold/task/models.py:task_from_models",
}

FORBIDDEN_NAMES = {"utils", "util", "core", "common", "helpers", "helper", "manager", "base", "misc"}

HEAVY = {
    "alembic",
    "brotli",
    "charset_normalizer",
    "cryptography",
    "ftfy",
    "daft",
    "starlette",
    "httpx2",
    "lxml",
    "numpy",
    "onnx",
    "onnxruntime",
    "peft",
    "py3langid",
    "protego",
    "pyarrow",
    "pytorch_optimizer",
    "ray",
    "rensa",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "torch",
    "transformers",
    "uvicorn",
    "warcio",
}

LIGHT = (
    "freehold",
    "freehold.line",
    "freehold.app.cli",
    "freehold.serve",
    "freehold.feedback",
    "freehold.engine",
    "freehold.pages",
    "freehold.pages.data_page",
    "freehold.data.cleaning",
)
"""What must be imported without a heavy library: the line with its stages, and the doors to the rest."""


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_hold_one_idea() -> None:
    long = {place(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE}
    assert long == LONG_FILES


def test_functions_do_one_thing() -> None:
    long = {
        f"{place(path)}:{function.name}"
        for path in MODULES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
    }
    assert long == LONG_FUNCTIONS


def test_every_module_says_what_it_owns() -> None:
    assert [place(path) for path in MODULES if not ast.get_docstring(parse(path))] == []


def test_every_package_lists_its_names() -> None:
    missing = [
        place(path)
        for path in SOURCE.rglob("__init__.py")
        if "migrations" not in path.parts and "__all__" not in path.read_text(encoding="utf-8")
    ]
    assert missing == []


def test_modules_are_named_for_what_they_hold() -> None:
    assert [place(path) for path in MODULES if path.stem in FORBIDDEN_NAMES] == []


def imports(path: Path) -> Iterator[str]:
    """Yields the dotted names of our own modules that a file imports, in any of its functions too."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_packages_are_entered_by_their_doors() -> None:
    """`from freehold.data import read_rows`, never `from freehold.data.rows import read_rows`."""
    strays = []
    for path in MODULES:
        home = path.relative_to(SOURCE).parts[0]
        for name in imports(path):
            first, *parts = name.split(".")
            if first == "freehold" and parts and parts[0] != home and len(parts) > 1:
                if SOURCE.joinpath(*parts).is_dir():  # a package in a package: `freehold.app.cli`
                    continue
                strays.append(f"{place(path)}: {name}")
    assert strays == []


def test_only_the_faces_print() -> None:
    """Ruff knows `print`; this knows the streams."""
    strays = [
        place(path)
        for path in MODULES
        if path.relative_to(SOURCE).parts[0] != "app"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr")
    ]
    assert strays == []


@pytest.mark.parametrize("package", LIGHT)
def test_importing_is_light(package: str) -> None:
    program = f"import sys, {package}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & HEAVY == set()


def test_the_loop_fits_on_a_screen() -> None:
    loop = SOURCE / "line" / "loop.py"
    assert len(loop.read_text(encoding="utf-8").splitlines()) <= 50
