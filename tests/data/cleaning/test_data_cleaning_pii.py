"""What tells of a person is found and masked, and nothing else of the text changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.intervals import Interval, wilson
from tests.data.cleaning.pii_texts import DEVELOPING, FINAL, SECOND, Planted, Style, make

from freehold.data.cleaning import PII, Cleaned, Cleaning, Dropped, Finding, Settings
from freehold.data.cleaning.phones import find_phones
from freehold.data.cleaning.pii import BUILT_IN, find_pii
from freehold.errors import PluginError, UserError

LEAST = 0.98
COUNT = 4000
PHONES = [json.loads(line) for line in (Path(__file__).parent / "phones.jsonl").read_text().splitlines()]

CLEANING = Cleaning(Settings(steps=("pii",)))


def masked(text: str) -> str:
    cleaned = CLEANING.clean(text)
    assert isinstance(cleaned, Cleaned)
    return cleaned.text


def found(text: str) -> set[tuple[str, int, int]]:
    cleaned = CLEANING.clean(text)
    assert isinstance(cleaned, Cleaned)
    return {(flag.kind, flag.start, flag.end) for flag in cleaned.flags}


def expected(planted: Planted, *, only: set[tuple[str, int, int]]) -> str:
    text, place = "", 0
    for kind, start, end in planted.finds:
        if (kind, start, end) in only:
            text += planted.text[place:start] + f"[{kind.upper()}]"
            place = end
    return text + planted.text[place:]


def measure(style: Style) -> tuple[dict[str, Interval], list[str], list[tuple[str, str]]]:
    """Returns recall by kind, texts of which something else was changed, and what was missed."""
    hits, all_, corrupt, missed = Counter[str](), Counter[str](), [], []
    for planted in make(style, count=COUNT):
        got = found(planted.text)
        for find in planted.finds:
            all_[find[0]] += 1
            hits[find[0]] += find in got
            if find not in got:
                missed.append((find[0], planted.text[find[1] : find[2]]))
        if masked(planted.text) != expected(planted, only=got):
            corrupt.append(planted.text)
    return {kind: wilson(hits[kind], all_[kind]) for kind in sorted(all_)}, corrupt, missed


@pytest.mark.parametrize("style", [DEVELOPING, SECOND, FINAL], ids=["developing", "second", "final"])
def test_made_texts_are_masked_and_nothing_else(style: Style) -> None:
    recall, corrupt, missed = measure(style)
    figures = {kind: f"{r.value:.4f} [{r.low:.4f}, {r.high:.4f}] n={r.n}" for kind, r in recall.items()}
    print(figures, f"corrupt {len(corrupt)} of {COUNT}")
    assert all(r.value >= LEAST and r.n > 500 for r in recall.values()), (figures, missed[:20])
    assert corrupt == [], (len(corrupt), COUNT, corrupt[:10])


@pytest.mark.parametrize("form", ["e164", "international", "uri"])
def test_numbers_of_all_countries_are_found(form: str) -> None:
    """Example numbers of every region, as libphonenumber 9.0.43 (Apache-2.0) writes them."""
    numbers = [row[form].removeprefix("tel:") for row in PHONES]
    hits = sum((3, 3 + len(each)) in find_phones(f"at {each}, or") for each in numbers)
    recall = wilson(hits, len(numbers))
    assert recall.value >= LEAST, recall
    assert recall.n > 400


def test_national_numbers_are_found_behind_a_word() -> None:
    """Without a word, only those with a zero or a bracket in front are; `phones` says so."""
    numbers = [row["national"] for row in PHONES]
    named = wilson(sum((7, 7 + len(n)) in find_phones(f"Phone: {n}.") for n in numbers), len(numbers))
    alone = wilson(sum((3, 3 + len(n)) in find_phones(f"at {n}, or") for n in numbers), len(numbers))
    assert (round(named.value, 2), round(alone.value, 2)) == (0.92, 0.51), (named, alone)


UNTOUCHED = (
    "Python 3.11.7, build 1.2.3.4, package==1.7.12.24 and libfoo-1.2.3.4.tar.gz",
    "sizes 256 512 1024 and 1920x1080, pages 12-15, 50%",
    "2024-01-02 03:04:05, 01.02.2024 12:30, 1/2/2024, 01-02-2024 10",
    "order 0123456789, ref 4111111111111112, ISBN 0-306-40615-2, 978-3-16-148410-0",
    "DE89 3704 0044 0532 0130 01 has a wrong digit; so has GB82WEST12345698765431",
    "DE8937040044053201300 is too short, XX89370400440532013000 no country",
    "127.0.0.1, 0.0.0.0, 255.255.255.0, 10.1.2.3, 192.0.2.1, 224.0.0.1, fe80::1, ::1, 2001:db8::1",
    "std::vector, dead::beef, a::b, 12:30:45, 00:1b:44:11:3a:b7",
    "logo@2x.png react@18.2.0 @decorator a @ b user@localhost git@github.com:a/b.git x@y",
    "growth of +10000000 users, +3.14159265, +35236450.6, -273.15, 1e-09, 0x0123456789",
    "550e8400-e29b-41d4-a716-446655440000, 123-45-6789, 05841-2111",
    "IP 999.1.1.1, 1.2.3, 1.2.3.4.5, 0.1.2.3",
)


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert masked(text) == text


MASKED = (
    ("mailto:ada@example.org?subject=x", "mailto:[EMAIL]?subject=x"),
    ("ada [at] example [dot] org", "[EMAIL]"),
    ("Ada <ada@example.org>, 'bob@b.de'; to=eve@e.fr", "Ada <[EMAIL]>, '[EMAIL]'; to=[EMAIL]"),
    ("o'neil@example.org.", "[EMAIL]."),
    ("http://8.8.4.4:80/ and [2606:4700::1111]:443", "http://[IP]:80/ and [[IP]]:443"),
    ("gb82 west 1234 5698 7654 32", "[IBAN]"),
    ("4111 1111 1111 1111, 3782 822463 10005", "[CARD], [CARD]"),
    ("+44 20 7946 0958 12 times", "[PHONE] 12 times"),
    ("(+49) 30 1234567 (+49 30 1234567)", "[PHONE] ([PHONE])"),
    ("+1 212 555 0123 0049 30 1234567", "[PHONE] [PHONE]"),
    ("call me at 98765 43210 now", "call me at [PHONE] now"),
)


@pytest.mark.parametrize(("text", "then"), MASKED)
def test_forms_that_are_masked(text: str, then: str) -> None:
    assert masked(text) == then


def test_modes_keep_mask_and_drop() -> None:
    text = "ada@example.org, +44 20 7946 0958"
    kept = Cleaning(Settings(steps=("pii",), modes={"pii": "keep"})).clean(text)
    assert isinstance(kept, Cleaned)
    assert (kept.text, kept.offsets.identity, len(kept.flags)) == (text, True, 2)
    mixed = Cleaning(Settings(steps=("pii",), modes={"pii": "keep", "pii.email": "mask"})).clean(text)
    assert isinstance(mixed, Cleaned)
    assert mixed.text == "[EMAIL], +44 20 7946 0958"
    dropped = Cleaning(Settings(steps=("pii",), modes={"pii.phone": "drop"})).clean(text)
    assert isinstance(dropped, Dropped)
    assert dropped.rule == "pii.phone"


class Names:
    """A finder as a plug-in would bring it."""

    kinds = ("person",)

    def __init__(self, *, wrong: bool = False) -> None:
        self.wrong = wrong

    def find(self, text: str) -> Iterator[Finding]:
        place = text.find("Ada Lovelace")
        if place >= 0:
            yield Finding("place" if self.wrong else "person", place, place + 12)


@pytest.fixture
def names() -> Iterator[Names]:
    """A registered finder, taken out afterwards."""
    finder = Names()
    PII.register("names")(finder)
    yield finder
    PII._parts.pop("names")


def test_plugins_find_more(names: Names) -> None:
    cleaned = Cleaning(Settings(steps=("pii",))).clean("Ask Ada Lovelace: ada@example.org.")
    assert isinstance(cleaned, Cleaned)
    assert cleaned.text == "Ask [PERSON]: [EMAIL]."
    assert cleaned.counts == {"pii.names": 1, "pii.email": 1}


def test_plugins_that_break_their_contract_are_named(names: Names) -> None:
    names.wrong = True
    with pytest.raises(PluginError, match=r"`names` of `freehold.pii` found"):
        list(find_pii("Ada Lovelace", name="names"))


def test_finders_are_listed() -> None:
    assert set(BUILT_IN) <= set(PII)
    with pytest.raises(UserError, match="has no part 'e-mail'"):
        list(find_pii("x", name="e-mail"))
