"""The tools that check the documentation find what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.examples import matches, read_blocks, run_pages
from docs.links import broken_links


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("", "", True),
        ("", "something", False),
        ("one\n", "one", True),
        ("one", "one  \n", True),
        ("one", "two", False),
        ("one ... three", "one two three", True),
        ("one ... three", "one\ntwo three", False),
        ("one\n...\nthree", "one\nthree", True),
        ("one\n...\nthree", "one\n2\n2.5\nthree", True),
        ("one\n...\nthree", "one\n2\nfour", False),
        ("...", "", True),
        ("...\nlast", "first\nlast", True),
        ("a (b) [c]", "a (b) [c]", True),
        ("0... s", "0.25 s", True),
    ],
)
def test_wildcards(expected: str, found: str, same: bool) -> None:
    assert matches(expected, found) is same


PAGE = """\
# A page

```console
$ false
```

```csv run file=a.csv
x,y
```

```console run
$ cat a.csv \\
  a.csv
x,y
x,y
$ echo a; echo b >&2
a
```

```console run exit=3
$ echo to stderr >&2; exit 3
to stderr
```

1. In a list:
   ```python run
   >>> print(open("a.csv").read())
   x,...
   <BLANKLINE>
   ```
"""


def write(folder: Path, name: str, text: str) -> Path:
    page = folder / name
    page.write_text(text)
    return page


def run(folder: Path, *pages: Path) -> list[str]:
    (folder / "out").mkdir()
    return run_pages(list(pages), folder=folder / "out")


def test_only_marked_blocks_are_read(tmp_path: Path) -> None:
    blocks = read_blocks(write(tmp_path, "page.md", PAGE))
    assert [(block.language, block.line) for block in blocks] == [
        ("csv", 7),
        ("console", 11),
        ("console", 20),
        ("python", 26),
    ]
    assert blocks[3].text.startswith(">>> ")


def test_a_page_that_is_right(tmp_path: Path) -> None:
    assert run(tmp_path, write(tmp_path, "page.md", PAGE)) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```console run\n$ echo a\nb\n```\n", "should print:\nb\nbut printed:\na"),
        ("```console run\n$ exit 4\n```\n", "ended with 4 instead of 0"),
        ("```console run exit=2\n$ true\n```\n", "ended with 0 instead of 2"),
        ("```python run\n>>> 1 + 1\n3\n```\n", "Expected:\n    3\nGot:\n    2"),
    ],
)
def test_a_page_that_is_wrong(tmp_path: Path, block: str, said: str) -> None:
    [mistake] = run(tmp_path, write(tmp_path, "page.md", f"# A page\n\n{block}"))
    assert mistake.startswith(f"{tmp_path / 'page.md'}:3: ")
    assert said in mistake


def test_a_page_continues_another_without_changing_it(tmp_path: Path) -> None:
    first = write(tmp_path, "first.md", "```text run file=note\none\n```\n")
    text = "<!-- continues first.md -->\n```console run\n$ cat note; echo two > note\none\n```\n"
    pages = [write(tmp_path, "second.md", text), write(tmp_path, "third.md", text)]
    assert run(tmp_path, first, *pages) == []


def test_what_continues_a_wrong_page_is_not_run(tmp_path: Path) -> None:
    first = write(tmp_path, "first.md", "```console run\n$ false\n```\n")
    text = "<!-- continues first.md -->\n```console run\n$ touch ../ran\n```\n"
    mistakes = run(tmp_path, first, write(tmp_path, "second.md", text))
    assert [mistake.partition(": ")[2][:7] for mistake in mistakes] == ["`false`", "not run"]
    assert not (tmp_path / "out" / "ran").exists()


def test_links(tmp_path: Path) -> None:
    write(tmp_path, "other.md", "# Other\n\n## What `--json` gives\n\n```\n## Not a heading\n```\n")
    text = """# A page
    [a](other.md) [b](other.md#what---json-gives) [c](#a-page) [d](https://example.org/x) `[e](nowhere.md)`
    [f](nowhere.md) [g](other.md#not-a-heading) [h](#b-page)
    """
    broken = broken_links(write(tmp_path, "page.md", text))
    assert [mistake.split("`")[1] for mistake in broken] == [
        "nowhere.md",
        "other.md#not-a-heading",
        "#b-page",
    ]
