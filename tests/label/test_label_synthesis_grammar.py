"""Patterns and templates: exact counts, exact spans, drawn without listing, mistakes with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.errors import DataError, TaskFileError
from freehold.label.synthesis import GENERATORS, Draft, Ground
from freehold.label.synthesis.chance import Chance
from freehold.label.synthesis.grammar import BadPatternError, expand, read_pattern
from freehold.label.synthesis.marking import join, mark, read_marks
from freehold.task import Field, Label

FIELDS = (
    Field("intent", "choice", labels=(Label("weather"), Label("music"))),
    Field("loud", "predicate"),
    Field("slots", "spans", labels=(Label("city"), Label("when"))),
)
FILE = """\
# what people say
<city> = Paris | New York | Rio de Janeiro
<when> = today | (this|next) week

:: intent = weather; loud = false
will it rain [in {city: <city>}] {when:<when>}?
:: intent = music
play [me] some (jazz|rock)
"""


def ground(folder: Path, text: str = FILE, *, inputs: tuple[str, ...] = ("text",), seed: int = 0) -> Ground:
    path = folder / "t.txt"
    path.write_text(text)
    return Ground("t", "", inputs, FIELDS, (), templates=path, seed=seed)


def make(found: Ground, count: int) -> list[Draft]:
    return list(GENERATORS.get("templates.v1")(found, count=count))


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("plain", ["plain"]),
        ("a|b", ["a", "b"]),
        ("(a|b) (c|d)", ["a c", "b c", "a d", "b d"]),
        ("x [y]", ["x", "x y"]),
        ("[y|z] x", ["x", "y x", "z x"]),
        ("a [b [c]]", ["a", "a b", "a b c"]),
        (r"\(a\|b\) \[c\] 1 \< 2", ["(a|b) [c] 1 < 2"]),
        ("<n>!", ["1!", "2!"]),
        ("{city: <n>} x", ["1 x", "2 x"]),
    ],
)
def test_every_number_is_another_text(pattern: str, texts: list[str]) -> None:
    node = read_pattern(pattern, {"n": read_pattern("1|2", {})})
    assert node.count == len(texts)
    assert [join(expand(node, number)).text for number in range(node.count)] == texts


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "`)` is missing"),
        ("a)", "nothing opens `)`"),
        ("[a", "`]` is missing"),
        ("{a}", "a span is written"),
        ("{a: b", "`}` is missing"),
        ("<nobody>", "there is no list `<nobody>`"),
        ("<n", "`>` is missing"),
        ("a\\", "a backslash is the last letter"),
        ("(" * 60 + ")" * 60, "more than 40 deep"),
        ("x" * 20_001, "longer than 20,000"),
    ],
)
def test_what_cannot_be_read_says_why(pattern: str, reason: str) -> None:
    with pytest.raises(BadPatternError, match=r".*") as caught:
        read_pattern(pattern, {})
    assert reason in str(caught.value)


def test_lists_that_double_are_counted_and_drawn_without_being_listed() -> None:
    node = read_pattern("a|b", {})
    for _ in range(10):
        node = read_pattern("<n><n>", {"n": node})
    assert node.count == 2**1024
    drawn = Chance("x").sample(node.count, 50)
    assert len({join(expand(node, number)).text for number in drawn}) == 50
    with pytest.raises(BadPatternError, match="longer than 20,000"):
        read_pattern("<n>" * 20, {"n": node})


_PATTERNS = st.recursive(
    st.sampled_from(["a", "bc ", " d", "é ", "x  y"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        inner.map(lambda part: f"[{part}]"),
        inner.map(lambda part: f"{{city: {part}}}"),
    ),
    max_leaves=8,
)


@given(_PATTERNS, st.integers(0, 10**9))
def test_spans_lie_exactly_where_they_say(pattern: str, number: int) -> None:
    node = read_pattern(pattern, {})
    made = join(expand(node, number % node.count))
    assert made.text == made.text.strip()
    assert "  " not in made.text
    for span in made.spans:
        assert made.text[int(span["start"]) : int(span["end"])] == span["text"] != ""


def test_marks_go_there_and_back() -> None:
    marked = read_marks("fly {when: today} to {city: New York}!")
    assert marked is not None
    assert mark(marked.text, marked.spans) == "fly {when: today} to {city: New York}!"
    assert read_marks("a { b") is None
    assert mark("a { b", []) is None


def test_templates_have_their_labels_and_every_row_is_another(tmp_path: Path) -> None:
    drafts = make(ground(tmp_path), 100)
    assert [d.outputs["intent"] for d in drafts].count("music") == 4
    assert len(drafts) == 4 + 4 * 3, "all there are, none of them twice"
    assert len({draft.inputs["text"] for draft in drafts}) == len(drafts)
    rain = next(draft for draft in drafts if "Rio" in draft.inputs["text"])
    assert rain.outputs["loud"] is False
    spans = rain.outputs["slots"]
    assert isinstance(spans, list)
    assert [span["label"] for span in spans if isinstance(span, dict)] == ["city", "when"]
    assert (rain.maker, rain.origin) == ("rule:templates.v1", "t.txt:6")
    assert next(d for d in drafts if d.outputs["intent"] == "music").outputs["slots"] == []


def test_labels_share_the_rows_evenly_and_a_seed_decides(tmp_path: Path) -> None:
    few = make(ground(tmp_path), 6)
    assert [draft.outputs["intent"] for draft in few].count("music") == 3
    assert few == make(ground(tmp_path), 6)
    assert few != make(ground(tmp_path, seed=1), 6)


def test_several_inputs_stand_beside_each_other(tmp_path: Path) -> None:
    found = ground(tmp_path, ":: intent = music\nA [b] || play (x|y)\n", inputs=("title", "body"))
    assert {tuple(draft.inputs.values()) for draft in make(found, 9)} == {
        ("A", "play x"),
        ("A", "play y"),
        ("A b", "play x"),
        ("A b", "play y"),
    }


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    text = ":: intent = wether\n:: mood = x\n:: slots = x\n:: loud = maybe\n<a> = 1\n<a> = 2\n{town: x}\n(a\n"
    with pytest.raises(TaskFileError) as caught:
        make(ground(tmp_path, text), 1)
    assert [mistake.line for mistake in caught.value.mistakes] == [1, 2, 3, 4, 6, 7, 8]
    assert "Did you mean 'weather'?" in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", ":: intent = music\n"])
def test_a_file_without_a_template_is_a_mistake(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no template"):
        make(ground(tmp_path, text), 1)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt` cannot be read"):
        make(Ground("t", "", ("text",), FIELDS, (), templates=tmp_path / "nowhere.txt"), 1)


@given(st.integers(1, 400), st.integers(0, 40))
def test_a_sample_has_no_number_twice(bound: int, count: int) -> None:
    drawn = Chance(f"{bound}").sample(bound, count)
    assert len(drawn) == len(set(drawn)) == min(bound, count)
    assert all(0 <= number < bound for number in drawn)


def test_draws_are_even() -> None:
    chance = Chance("even")
    counts = [0] * 6
    for _ in range(6000):
        counts[chance.below(6)] += 1
    assert all(850 < count < 1150 for count in counts), counts
