"""The published rules measure what their papers say, at their papers' bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.cleaning import ENGLISH, RULES, Bar, Cleaned, Cleaning, Dropped, LineCounts, Settings
from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.lines import name_line
from freehold.data.cleaning.rules import judge

PROSE = (
    "The museum opened its doors to visitors for the first time in the spring of that year. Most of them had "
    "come from the villages nearby, and they stayed until it was dark.\n"
    "Nobody knew who had painted the large picture in the hall. It shows a river with boats, and a woman who "
    "waves to somebody that we cannot see. Historians have argued about her name ever since.\n"
    "In later years the house was used as a school, as a store for grain and, for one winter, as a theatre."
)

BARS = {
    "gopher.words": Bar(50, 100_000),
    "gopher.mean_word_length": Bar(3, 10),
    "gopher.symbol_ratio": Bar(high=0.1),
    "gopher.bullet_lines": Bar(high=0.9),
    "gopher.ellipsis_lines": Bar(high=0.3),
    "gopher.alpha_words": Bar(low=0.8),
    "gopher.stop_words": Bar(low=2),
    "gopher.duplicate_lines": Bar(high=0.3),
    "gopher.duplicate_paragraphs": Bar(high=0.3),
    "gopher.duplicate_line_chars": Bar(high=0.2),
    "gopher.duplicate_paragraph_chars": Bar(high=0.2),
    "gopher.top_ngram.2": Bar(high=0.2),
    "gopher.top_ngram.3": Bar(high=0.18),
    "gopher.top_ngram.4": Bar(high=0.16),
    "gopher.duplicate_ngram.5": Bar(high=0.15),
    "gopher.duplicate_ngram.6": Bar(high=0.14),
    "gopher.duplicate_ngram.7": Bar(high=0.13),
    "gopher.duplicate_ngram.8": Bar(high=0.12),
    "gopher.duplicate_ngram.9": Bar(high=0.11),
    "gopher.duplicate_ngram.10": Bar(high=0.10),
    "c4.lorem_ipsum": Bar(high=0),
    "c4.curly": Bar(high=0),
    "c4.few_sentences": Bar(low=3),
}


def measured(name: str, text: str) -> float | None:
    return RULES[name].measure(Document(text), ENGLISH)


def test_bars_are_those_of_the_papers() -> None:
    assert {name: rule.bar for name, rule in RULES.items() if not name.startswith("fineweb.")} == BARS
    fineweb = {name: (f"{rule.bar}", rule.bar) for name, rule in RULES.items() if name.startswith("fineweb.")}
    assert not fineweb["fineweb.line_punctuation"][1].holds(0.12)
    assert fineweb["fineweb.line_punctuation"][1].holds(0.1201)
    assert not fineweb["fineweb.duplicate_line_chars"][1].holds(0.1)
    assert fineweb["fineweb.duplicate_line_chars"][1].holds(0.0999)
    assert not fineweb["fineweb.short_lines"][1].holds(0.67)
    assert len(fineweb) == 3


@pytest.mark.parametrize("name", RULES)
def test_every_rule_lets_prose_pass(name: str) -> None:
    assert judge(Document(PROSE), name=name) is None
    assert RULES[name].source
    assert RULES[name].said


NUMBERS = " ".join(str(number) for number in range(10, 65))
MEASURES = [
    ("gopher.words", "one, two - three!", 3),
    ("gopher.mean_word_length", "ab abcd, (abc)", 3),
    ("gopher.symbol_ratio", "# a b ... c \u2026", 2 / 3),
    ("gopher.bullet_lines", "\u2022 a\n- b\n\n* c\nd", 3 / 4),
    ("gopher.ellipsis_lines", "a...\nb\u2026\nc\n\nd", 2 / 4),
    ("gopher.alpha_words", "a 1 2b ---", 2 / 4),
    ("gopher.stop_words", "The dog and the cat " * 10, 2),
    ("gopher.duplicate_lines", "a\nb\na\n\na", 2 / 4),
    ("gopher.duplicate_paragraphs", "a\nb\n\na\nb\n\nc", 1 / 3),
    ("gopher.duplicate_line_chars", "aaa\nb\naaa", 3 / 7),
    ("gopher.duplicate_paragraph_chars", "aaa\n\nb\n\naaa", 3 / 7),
    ("gopher.top_ngram.2", "a b x a b y " * 9, 36 / 54),
    ("gopher.top_ngram.2", NUMBERS, 0),
    ("gopher.top_ngram.3", "a b c " * 20, 1),
    ("gopher.duplicate_ngram.5", f"aa bb cc dd ee {NUMBERS} aa bb cc dd ee", 10 / 130),
    ("gopher.duplicate_ngram.5", "a " * 50, 49 / 50),
    ("c4.lorem_ipsum", "Lorem Ipsum dolor, lorem ipsum", 2),
    ("c4.curly", "if (a) { b }", 1),
    ("c4.few_sentences", "One. Two! Three? four", 4),
    ("c4.few_sentences", "Version 1.2.3 is out", 1),
    ("fineweb.line_punctuation", "One.\ntwo\nthree!\nfour", 2 / 4),
    ("fineweb.duplicate_line_chars", "aaa\nb\naaa", 3 / 7),
    ("fineweb.short_lines", f"short\n{'long ' * 8}\nshort", 2 / 3),
]


@pytest.mark.parametrize(("name", "text", "value"), MEASURES)
def test_measures(name: str, text: str, value: float) -> None:
    assert measured(name, text) == pytest.approx(value)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("text", ["", " \n\n ", "."])
def test_empty_texts_end_no_rule_badly(name: str, text: str) -> None:
    judge(Document(text), name=name)


@given(st.text(max_size=60))
def test_shares_are_shares(text: str) -> None:
    for name, rule in RULES.items():
        value = rule.measure(Document(text), ENGLISH)
        if value is not None:
            assert value >= 0
            assert value <= 1 or "share" not in rule.said, (name, value)


def test_words_are_not_counted_where_they_do_not_stand_apart() -> None:
    chinese = "委员会将于星期四再次开会讨论明年的预算。" * 5
    assert [name for name in RULES if name.startswith("gopher.w") and judge(Document(chinese), name=name)] == []
    assert measured("gopher.mean_word_length", chinese) is None


def test_stop_words_are_those_of_their_language() -> None:
    german = Document("Das Haus steht am Rand der Stadt, und niemand wohnt darin. " * 5, "de")
    assert judge(german, name="gopher.stop_words") is None
    words = ENGLISH._replace(stop=frozenset({"das", "und", "der"}), language="de")
    assert RULES["gopher.stop_words"].measure(german, words) == 3


def test_short_texts_are_not_measured_as_pages() -> None:
    short = "Reset now. Reset now. Reset now. Reset now."
    by_share = [name for name in RULES if "ngram" in name or name == "gopher.stop_words"]
    assert [measured(name, short) for name in by_share] == [None] * 10
    assert all(judge(Document(short * 30), name=name) for name in by_share)


def test_a_drop_says_why() -> None:
    outcome = Cleaning(Settings(steps=("gopher.words",))).clean("Too short.")
    assert outcome == Dropped("gopher.words", "words: 2, allowed 50 to 100000.", 2, Bar(50, 100_000))


def test_bars_are_set_by_rule() -> None:
    settings = Settings(steps=("gopher.words",), bars={"gopher.words": Bar(low=2)})
    assert isinstance(Cleaning(settings).clean("Not short."), Cleaned)


def cleaned(text: str, *steps: str, **more: frozenset[int]) -> str:
    outcome = Cleaning(Settings(steps=steps, **more)).clean(text)  # type: ignore[arg-type]
    assert isinstance(outcome, Cleaned)
    return outcome.text


LINES = [
    ("c4.line_end", "A whole sentence.\nA heading\nA dot dot...\n", "A whole sentence.\n"),
    ("c4.line_words", "One two three four five.\nOnly four words here.\n", "One two three four five.\n"),
    ("c4.javascript", "Please enable JavaScript.\nText.", "Text."),
    ("c4.policy", "We use cookies.\nRead our Privacy Policy!\nText.", "Text."),
    ("c4.long_word", f"{'x' * 1001} a\nText.", "Text."),
]


@pytest.mark.parametrize(("step", "text", "then"), LINES)
def test_lines_that_c4_takes_out(step: str, text: str, then: str) -> None:
    assert cleaned(text, step) == then


def test_lines_of_many_documents_are_taken_out() -> None:
    texts = [
        f"Home | About | Login\nText number {n} says something else{'!' * n}\n(c) 20{n:02} Example Inc.\n"
        for n in range(20)
    ]
    ones, others = LineCounts.of(texts[:7]), LineCounts.of(texts[7:])
    counts = ones + others
    assert (counts.documents, counts.lines) == (20, LineCounts.of(texts).lines)
    repeated = counts.repeated(least=10, share=0.5)
    assert name_line("home | about | login") in repeated
    page = "Home | About | Login\nA text of its own.\n(c) 2031 Example Inc.\n"
    assert cleaned(page, "repeated_lines", repeated=repeated) == "A text of its own.\n"


def test_numbers_alone_are_no_boilerplate() -> None:
    assert (name_line("1.25"), name_line("---"), name_line("")) == (0, 0, 0)


def test_profanity_takes_the_words_that_are_given() -> None:
    settings = Settings(steps=("profanity",), profanity=frozenset({"darn"}))
    dropped = Cleaning(settings).clean("Darn it, darn!")
    assert isinstance(dropped, Dropped)
    assert (dropped.rule, dropped.value) == ("profanity", 2)
    assert isinstance(Cleaning(settings).clean("darned"), Cleaned)
    assert isinstance(Cleaning(Settings(steps=("profanity",))).clean("Darn"), Cleaned)


@pytest.mark.parametrize(
    ("listed", "text", "found"),
    [
        ("ZORP", "a Zorp!", True),
        ("zorp", "_zorp_ and **zorps**", True),
        ("zorp", "zorpal, unzorp, zorp2", False),
        ("zorpé", "ZORPE\u0301", True),
        ("zorpe\u0301", "Zorpé", True),
        ("straße", "STRASSE", True),
        ("zorp", "\uff3a\uff4f\uff52\uff50", True),
        ("हिन्दी", "यह हिन्दी है", True),
        ("हिन्द", "यह हिन्दी है", False),
        ("zorp", "", False),
    ],
)
def test_a_listed_word_is_found_however_it_is_written(listed: str, text: str, found: bool) -> None:
    cleaning = Cleaning(Settings(steps=("profanity",), profanity=frozenset({listed})))
    assert isinstance(cleaning.clean(text), Dropped) is found
