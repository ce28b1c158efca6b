"""The parts of the review page that need no browser: safe text, guidelines, controls, and places in texts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.pages import review_script
from freehold.pages.guidelines import html_guidelines
from freehold.pages.review_controls import FEW, write_cell, write_control
from freehold.pages.safe_text import html_text
from freehold.task import FIELD_KINDS, Field, FieldKind, Label

SCRIPT = Path(__file__).resolve().parents[2] / "src" / "freehold" / "pages" / "script"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\0"
ALLOWED = {
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "strong",
    "em",
    "bdi",
    "span",
}


class Tags(HTMLParser):
    """What a browser would make of HTML: its tags, and its text without what stands for odd characters."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= set(attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_is_text_and_nothing_else(text: str) -> None:
    seen = Tags(html_text(text))
    assert set(seen.tags) <= {"bdi", "span"}
    assert seen.open == []
    assert not re.search("[\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", seen.text)


@given(st.lists(st.sampled_from([*"#-*_`>1. \n\tab<&\"'", EVIL, "```", "**", "\r"])).map("".join))
def test_guidelines_are_never_more_than_a_few_tags(text: str) -> None:
    seen = Tags(html_guidelines(text))
    assert set(seen.tags) <= ALLOWED
    assert seen.open == []
    assert seen.attributes <= {("class", "odd")}
    assert re.sub("[^a-z]", "", seen.text) == re.sub("[^a-z]", "", text) or "```" in text


GUIDELINES = [
    ("# A\ntext", "<h3>A</h3>\n<p>text</p>"),
    ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
    ("- a\n  b\n- c", "<ul>\n<li>a b</li>\n<li>c</li>\n</ul>"),
    ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
    ("> said\n> more", "<blockquote>said more</blockquote>"),
    ("```\n<b>\n# x\n```\nend", "<pre><code>&lt;b&gt;\n# x</code></pre>\n<p>end</p>"),
    ("**a** _b_ `c*d*` snake_case_word 2*3*4", None),
    ("[a](http://x)", "<p>[a](http://x)</p>"),
]


@pytest.mark.parametrize(("text", "html"), GUIDELINES)
def test_guidelines(text: str, html: str | None) -> None:
    if html is None:
        html = "<p><strong>a</strong> <em>b</em> <code>c*d*</code> snake_case_word 2*3*4</p>"
    assert re.sub("</?bdi>", "", html_guidelines(text)) == html


@pytest.mark.parametrize("labels", [0, FEW, FEW + 1, 300])
@pytest.mark.parametrize("kind", FIELD_KINDS)
def test_every_control_has_a_name(kind: FieldKind, labels: int) -> None:
    has = kind in ("choice", "choices", "score", "spans") and labels
    named = tuple(Label(str(n) if kind == "score" else f"{EVIL}{n}", EVIL) for n in range(labels)) if has else None
    html = "".join(write_control(Field("x", kind, EVIL, named), place=3))
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= ALLOWED | {"fieldset", "legend", "div", "label", "input", "kbd", "button", "textarea"}
    assert "alert(1)>" not in html
    for control in re.findall(r"<(?:input|textarea|ul)[^>]*>", html):
        in_label = re.search(rf"<label[^>]*>{re.escape(control)}", html)
        assert in_label or 'aria-label="x: ' in control
    for id in re.findall(r'aria-controls="([^"]+)"', html):
        assert f'id="{id}"' in html
    cell = "".join(write_cell(Field("x", kind, EVIL, named), place=3))
    assert bool(cell) == (kind not in ("choices", "spans"))
    assert "alert(1)>" not in cell


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no `node` on the path")
    return found


def run(node: str, part: str, program: str, given: object) -> Any:
    """Runs a program after a part of the script, with JSON in `given`; returns what it evaluates to."""
    source = (SCRIPT / part).read_text(encoding="utf-8")
    code = f"{source}\nconst given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    code += f"process.stdout.write(JSON.stringify({program}));"
    return json.loads(subprocess.check_output([node, "-e", code], input=json.dumps(given), text=True, timeout=60))


TEXTS = (
    *("", "plain", "a\U0001f600b", "e\u0301te\u0301", "a\r\nb"),
    *("\U0001f469\u200d\U0001f680\U0001f600", "\U00010400" * 3),
)


def test_places_are_counted_in_code_points(node: str) -> None:
    asked = [(text, point) for text in TEXTS for point in range(len(text) + 1)]
    units = [len(text[:point].encode("utf-16-le")) // 2 for text, point in asked]
    assert run(node, "texts.js", "given.map(([text, point]) => toUnits(text, point))", asked) == units
    back = [[text, unit] for (text, _), unit in zip(asked, units, strict=True)]
    program = "given.map(([text, unit]) => toPoints(text, unit))"
    assert run(node, "texts.js", program, back) == [point for _, point in asked]
    assert run(node, "texts.js", program, [["a\U0001f600b", 2]]) == [1], "half a pair is none of it"


TIDIED = [
    ("  a b  ", 0, 7, "a b"),
    ("   ", 0, 3, ""),
    ("e\u0301te\u0301", 0, 1, "e\u0301"),
    ("x\U0001f469\u200d\U0001f680y", 1, 3, "\U0001f469\u200d\U0001f680"),
    ("a\u00a0b", 0, 2, "a"),
]


def test_what_is_selected_is_whole_characters_without_blanks(node: str) -> None:
    asked = [[text, start, end] for text, start, end, _ in TIDIED]
    program = "given.map(([text, start, end]) => text.slice(...tidy(text, start, end)))"
    assert run(node, "texts.js", program, asked) == [expected for *_, expected in TIDIED]
    words = "given.map(([text, place]) => text.slice(...wordAt(text, place)))"
    assert run(node, "texts.js", words, [["two words", 5], ["a, b", 2], ["Zoë", 0]]) == ["words", "", "Zoë"]


NUMBERS = [("1", 1), (" -2.5 ", -2.5), ("1,5", 1.5), ("1e3", 1000), (".5", 0.5), ("1,000", None), ("0x10", None),
           ("", None), ("1.2.3", None), ("Infinity", None), ("1e999", None), ("a", None)]  # fmt: skip


def test_numbers_are_read_or_refused(node: str) -> None:
    program = "given.map(toNumber)"
    assert run(node, "controls.js", program, [text for text, _ in NUMBERS]) == [number for _, number in NUMBERS]


def test_the_browser_and_the_server_agree_on_what_is_odd(node: str) -> None:
    characters = [chr(code) for code in range(0x2100)] + ["\ufeff", "\ufff9", "\U0001f600"]
    found = run(node, "texts.js", "given.map((each) => ODD.test(each))", characters)
    assert found == ['class="odd"' in html_text(each) for each in characters]


def test_the_script_is_whole(node: str) -> None:
    subprocess.run([node, "--check", "-"], input=review_script(), check=True, text=True, timeout=60)
    assert all(path.read_text(encoding="utf-8") in review_script() for path in SCRIPT.glob("*.js"))
