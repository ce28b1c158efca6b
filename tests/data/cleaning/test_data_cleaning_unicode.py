# ruff: noqa: RUF001
"""Unicode repair mends what is broken, at its place, and leaves right text of any script as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.cleaning import Cleaned, Cleaning, Settings
from freehold.data.cleaning.characters import find_uncomposed
from freehold.data.cleaning.mojibake import align
from freehold.data.cleaning.offsets import replace

CLEANING = Cleaning(Settings(steps=("unicode",)))


def repaired(text: str) -> Cleaned:
    cleaned = CLEANING.clean(text)
    assert isinstance(cleaned, Cleaned)
    return cleaned


RIGHT = (
    "Plain text, with a tab\tand two\nlines.",
    "Ça va? L’été à Paris – naïve, œuvre, 12 €, « oui »",
    "Größe, Übermut, ärgerlich, ß, ÄÖÜ",
    "El niño comió piñas; ¿por qué? ¡Ah!",
    "Zażółć gęślą jaźń; Příliš žluťoučký kůň",
    "Ærø, Ångström, smørrebrød, İstanbul, ığdır, Đà Nẵng",
    "Съешь ещё этих мягких французских булок",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "דג סקרן שט בים\u200f!",
    "صِف خَلقَ خَودٍ می\u200cخواهم",
    "いろはにほへと、ちりぬるを。\u3000全角",
    "我能吞下玻璃而不伤身体。「引号」",
    "다람쥐 헌 쳇바퀴에 타고파",
    "क्\u200dष, हिन्दी में",
    "กินข้าว\u200bหรือยัง",
    "👩\u200d💻 👍🏽 ❤️ 🏳️\u200d🌈 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "f(x) = ∑ₙ αₙ·xⁿ ≤ ∞, 5 µm, 90°",
    "“Quotes” ‘single’ … — – • ™ © ® §",
    "naïve façade — Ã is a letter, and so is Â.",
    "São Paulo, não, coração, ÀÉÎÕÜ",
)


@pytest.mark.parametrize("text", RIGHT)
def test_right_text_is_left_as_it_is(text: str) -> None:
    cleaned = repaired(text)
    assert (cleaned.text, cleaned.offsets.identity, cleaned.counts) == (text, True, {})


BROKEN = (
    ("Das schÃ¶ne Haus", "Das schöne Haus", "unicode.mojibake"),
    ("doesnâ€™t", "doesn’t", "unicode.mojibake"),
    ("voilÃ le travail", "voilà le travail", "unicode.mojibake"),
    ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€", "привет мир", "unicode.mojibake"),
    ("e\u0301te\u0301", "été", "unicode.nfc"),
    ("\u1112\u1161\u11ab", "한", "unicode.nfc"),
    ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne", "unicode.line_ends"),
    ("a\x00b\x1b[31mred\x1b[0m\x7f", "abred", "unicode.controls"),
    ("10\u00a0000\u2009km", "10 000 km", "unicode.spaces"),
    ("\ufeffword\u200bs and soft\u00adhyphens", "words and softhyphens", "unicode.invisible"),
    ("a\u202etxt\u202c.exe", "atxt.exe", "unicode.invisible"),
    ("hi\U000e0049\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065", "hi", "unicode.invisible"),
    ("😀\u200b\u200c\u200b\u200c\u200b", "😀", "unicode.invisible"),
    ("a\ud83d\ude00b\ud83d", "a😀b\ufffd", "unicode.surrogates"),
)


@pytest.mark.parametrize(("text", "then", "step"), BROKEN)
def test_broken_text_is_mended(text: str, then: str, step: str) -> None:
    cleaned = repaired(text)
    assert cleaned.text == then
    assert set(cleaned.counts) == {step}


def test_steps_are_switched_one_by_one() -> None:
    text = "sch\u00c3\u00b6n\u00a0e\u0301\u200b"
    for off, then in (
        ("unicode.spaces", "schön\u00a0é"),
        ("unicode.mojibake", "sch\u00c3\u00b6n é"),
        ("unicode.nfc", "schön e\u0301"),
    ):
        cleaned = Cleaning(Settings(steps=("unicode",), off=(off,))).clean(text)
        assert isinstance(cleaned, Cleaned)
        # a joiner behind a mark is behind a letter of its own
        assert cleaned.text == then


def test_a_word_beside_mojibake_keeps_its_place() -> None:
    text = "Das sch\u00c3\u00b6ne Haus"
    cleaned = repaired(text)
    assert cleaned.offsets.span(text.index("Haus"), len(text))._asdict() == {
        "fate": "kept",
        "start": 11,
        "end": 15,
    }
    assert cleaned.offsets.span(0, 3).fate == "kept"
    assert cleaned.offsets.span(4, 10) == ("changed", 4, 10 - 1)


@given(st.text("ab \u00e9\u00e8\u4e2d", max_size=20), st.text("ab \u00e9\u00e8\u4e2d", max_size=20))
def test_lines_are_aligned_whatever_they_are(old: str, new: str) -> None:
    assert replace(old, align(old, new))[0] == new


def test_long_lines_are_aligned_in_one_piece() -> None:
    old, new = "a b " * 1000, "b c " * 1000
    (edit,) = align(old, new)
    assert replace(old, [edit])[0] == new


@given(st.text())
def test_letters_are_composed_as_the_standard_does(text: str) -> None:
    assert replace(text, find_uncomposed(text))[0] == unicodedata.normalize("NFC", text)
