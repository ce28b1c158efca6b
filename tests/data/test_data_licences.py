from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.workplace import Work

from freehold.data import Refused
from freehold.data.licences import LICENCES, name_licence, refuse_consent, refuse_licence, satisfies, uses
from freehold.task import DataRules, Example, Source


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("mit", "MIT"),
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/de/", "CC-BY-NC-SA-3.0-DE"),
        ("https://opensource.org/license/mit", "MIT"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("Our own\nterms", "Our own terms"),
        ("", ""),
    ],
)
def test_licences_are_named_as_spdx_names_them(said: str, name: str) -> None:
    assert name_licence(said) == name


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR (MIT AND ISC)", True),
        ("GPL-3.0-only OR (MIT AND Zlib)", False),
        ("(GPL-3.0-only OR MIT) AND ISC", True),
        ("MIT WITH Some-exception", True),
        ("mit or gpl", False),
        ("(MIT", False),
        ("MIT OR", False),
        (")", False),
        ("MIT ISC", False),
    ],
)
def test_expressions(expression: str, met: bool) -> None:
    assert satisfies(expression, {"MIT", "ISC"}.__contains__) is met


@given(st.text(alphabet="()AORNDWITHMC -", max_size=30))
def test_every_expression_ends_in_a_yes_or_a_no(expression: str) -> None:
    assert satisfies(expression, lambda _: False) is False
    assert uses(expression) is None or expression.strip()


@pytest.mark.parametrize(
    ("licence", "rules", "reason"),
    [
        ("", DataRules(), ""),
        ("Whatever", DataRules(), ""),
        ("", DataRules(licences=("MIT",)), "its licence is not known, and `licences` allows MIT"),
        ("", DataRules(forbid=("MIT",)), ""),
        ("MIT", DataRules(licences=("MIT",)), ""),
        ("CC-BY-3.0", DataRules(licences=("CC-BY-*",)), ""),
        ("CC-BY-NC-3.0", DataRules(licences=("CC-BY-?.?",)), "its licence 'CC-BY-NC-3.0' is not among those"),
        ("GPL-3.0-only", DataRules(forbid=("GPL-*",)), "its licence 'GPL-3.0-only' is forbidden"),
        ("MIT OR GPL-3.0-only", DataRules(forbid=("GPL-*",)), ""),
        ("MIT AND GPL-3.0-only", DataRules(forbid=("GPL-*",)), "is forbidden"),
        ("mit", DataRules(licences=("MIT",)), ""),
    ],
)
def test_rules_for_licences(licence: str, rules: DataRules, reason: str) -> None:
    found = refuse_licence(licence, rules)
    assert reason in found
    assert bool(found) is bool(reason)


BOTH = DataRules(use=("commercial", "changes"))
BUSINESS = DataRules(use=("commercial",))
OURS = "LicenseRef-Ours"
UNKNOWN = f"'{OURS}' is not known to allow 'commercial', which `use` asks for; where it does, name it in full"


@pytest.mark.parametrize(
    ("licence", "rules", "reason"),
    [
        ("MIT", BOTH, ""),
        ("cc-by-4.0", BOTH, ""),
        (
            "CC-BY-NC-3.0-DE",
            BUSINESS,
            "its licence 'CC-BY-NC-3.0-DE' does not allow 'commercial', which `use` asks for",
        ),
        ("CC-BY-NC-4.0", DataRules(use=("changes",)), ""),
        ("CC-BY-NC-4.0", BOTH, "does not allow 'commercial', which"),
        ("CC-BY-NC-ND-4.0", BOTH, "does not allow 'commercial' and 'changes', which"),
        ("MIT OR CC-BY-NC-4.0", BUSINESS, ""),
        ("MIT AND CC-BY-NC-4.0", BUSINESS, "does not allow"),
        ("CC-BY-NC-4.0 OR CC-BY-ND-4.0", BOTH, "does not allow 'commercial' and 'changes', which"),
        ("ISC AND (CC-BY-NC-4.0 OR MIT)", BOTH, ""),
        ("GPL-2.0-only WITH Classpath-exception-2.0", BOTH, ""),
        ("CC-BY-NC-4.0 WITH Some-exception", BUSINESS, "does not allow"),
        ("", BUSINESS, "its licence is not known, and `use` asks for commercial"),
        (OURS, BUSINESS, f'{UNKNOWN}: licences = ["*", "{OURS}"]'),
        (f"MIT AND {OURS}", BUSINESS, f'name it in full: licences = ["*", "{OURS}"]'),
        (f"MIT OR {OURS}", BUSINESS, ""),
        (f"CC-BY-NC-4.0 AND {OURS}", BUSINESS, "does not allow"),
        (OURS, DataRules(use=("commercial",), licences=("*", OURS.lower())), ""),
        (
            OURS,
            DataRules(use=("commercial",), licences=("MIT", "License*")),
            f'licences = ["MIT", "License*", "{OURS}"]',
        ),
        (OURS, DataRules(use=("commercial",), licences=("MIT",)), "is not among those"),
        ("CC-BY-NC-4.0", DataRules(use=("commercial",), licences=("CC-BY-NC-4.0",)), "does not allow"),
        ("Our own terms", BUSINESS, 'licences = ["*", "Our own terms"]'),
        ("Our own terms", DataRules(use=("commercial",), licences=("*", "Our own terms")), ""),
        ("GPL-3.0-only OR CC-BY-NC-4.0", DataRules(use=("commercial",), forbid=("GPL-*",)), "does not allow"),
        ("CC-BY-NC-4.0 OR MIT", DataRules(licences=("CC-*",), forbid=("*-NC-*",)), "leaves no choice"),
        ("CC-BY-NC-4.0 OR CC0-1.0", DataRules(licences=("CC*",), forbid=("*-NC-*",)), ""),
    ],
)
def test_rules_for_uses(licence: str, rules: DataRules, reason: str) -> None:
    found = refuse_licence(licence, rules)
    assert reason in found
    assert bool(found) is bool(reason)


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_an_expression_without_end_is_one_licence_that_nobody_knows(depth: int) -> None:
    for endless in ("(" * depth + "MIT" + ")" * depth, " OR ".join(["MIT"] * depth)):
        assert uses(endless) is None
        assert "is not known to allow" in refuse_licence(endless, BUSINESS)


def test_what_is_reserved_needs_a_word_of_the_user() -> None:
    assert "reserved = true" in refuse_consent("tdm-reserved", DataRules())
    assert refuse_consent("tdm-reserved", DataRules(reserved=True)) == ""
    assert refuse_consent("", DataRules()) == ""


def test_uses_of_an_expression_are_those_of_either_or_of_both() -> None:
    either, both = uses("CC0-1.0 OR CC-BY-NC-SA-4.0"), uses("CC0-1.0 AND CC-BY-NC-SA-4.0")
    assert either == LICENCES["CC0-1.0"]
    assert both == LICENCES["CC-BY-NC-SA-4.0"]
    assert uses("GPL-2.0-only WITH Classpath-exception-2.0") == LICENCES["GPL-2.0-only"]
    assert uses("MIT OR Whatever") is None
    assert uses("MIT") == LICENCES["MIT"]
    assert uses("CC-BY-NC-SA-3.0-DE") == uses("LicenseRef-CC-BY-NC-SA-3.0-FR") == LICENCES["CC-BY-NC-SA-3.0"]
    assert uses("Our own terms") is None


def test_a_row_under_another_licence_is_refused_and_named(work: Work) -> None:
    work.put("a.csv", "text,intent\na,x\n")
    work.put("b.csv", "text,intent\nb,x\n")
    sources = (Source("a.csv", {}, licence="MIT"), Source("b.csv", {}, licence="CC-BY-NC-4.0"))
    rules = DataRules(licences=("MIT", "CC-BY-*"), forbid=("*-NC-*",))
    (good,) = (row for row in work.read(sources[0], rules=rules) if isinstance(row, Example))
    assert good.passport.licence == "MIT"
    work.put_rows("c.jsonl", [(f"text {i}", "x") for i in range(9)])
    mixed = (*sources, Source("c.jsonl", {}, licence="MIT"))
    with pytest.raises(Exception, match=r"(?s)`b.csv` has no row that can be used.*is forbidden"):
        work.collect(*mixed, rules=rules)


def put_code(work: Work, *licences: str) -> Source:
    """Commits a file under each licence."""
    for number, licence in enumerate(licences):
        text = f'# SPDX-License-Identifier: {licence}\nx = "{number * 7919} {chr(97 + number) * 20}"\n'
        work.put(f"code/{number}.py", text)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "x")):
        named = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(work.folder / "code"), *named, *words], check=True, capture_output=True)
    return Source("git:code", {"text": "text", "intent": "path"})


def test_rows_are_refused_one_by_one_and_counted(work: Work) -> None:
    source = put_code(work, "MIT", "MIT", "GPL-3.0-only", "MIT", "MIT", "MIT", "MIT")
    made = work.collect(source, rules=DataRules(licences=("MIT",)))
    (refused,) = made.refused
    assert "its licence 'GPL-3.0-only' is not among those that `licences` allows: MIT" in refused["reason"]
    assert made.report["refused"] == 1
    assert any(refused["reason"] in json.dumps(each, ensure_ascii=False) for each in made.report["warnings"])


def test_rows_without_a_use_are_refused_one_by_one_and_named(work: Work) -> None:
    source = put_code(work, "MIT", "CC-BY-NC-4.0", "MIT OR CC-BY-NC-4.0", OURS, "CC-BY-NC-4.0", "ISC", "MIT")
    made = work.collect(source, rules=BUSINESS)
    assert [row["locator"] for row in made.refused] == ["git:code/1.py:1", "git:code/3.py:1", "git:code/4.py:1"]
    (most,) = (each for each in made.report["warnings"] if each["kind"] == "refused")
    nc = "its licence 'CC-BY-NC-4.0' does not allow 'commercial', which `use` asks for"
    assert (most["count"], most["examples"][0]) == (3, f"{nc} (2)")
    assert made.report["licences"]["MIT OR CC-BY-NC-4.0"]["uses"]["commercial"] is True
    trusted = work.collect(source, rules=DataRules(use=("commercial",), licences=("*", OURS)))
    assert [row["locator"] for row in trusted.refused] == ["git:code/1.py:1", "git:code/4.py:1"]


def test_reading_without_rules_takes_every_licence(work: Work) -> None:
    work.put("a.csv", "text,intent\na,x\n")
    assert not any(isinstance(row, Refused) for row in work.read(Source("a.csv", {}, licence="Mine")))
