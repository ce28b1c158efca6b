# ruff: noqa: RUF001
"""Languages are told where that is sure, and what is too short is kept."""

from __future__ import annotations

import lzma
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from freehold.data.cleaning import Cleaned, Cleaning, Dropped, Settings
from freehold.data.cleaning.language import LANGUAGES, tell_language
from freehold.errors import UserError

SENTENCES = {
    "en": "The committee will meet again on Thursday to discuss the budget for next year.",
    "de": "Der Ausschuss trifft sich am Donnerstag wieder, um über den Haushalt zu beraten.",
    "fr": "Le comité se réunira de nouveau jeudi pour discuter du budget de l'année prochaine.",
    "es": "El comité se reunirá de nuevo el jueves para hablar del presupuesto del próximo año.",
    "it": "Il comitato si riunirà di nuovo giovedì per discutere il bilancio dell'anno prossimo.",
    "nl": "De commissie komt donderdag weer bijeen om de begroting van volgend jaar te bespreken.",
    "pl": "Komisja spotka się ponownie w czwartek, aby omówić budżet na przyszły rok.",
    "ru": "Комитет снова соберётся в четверг, чтобы обсудить бюджет на следующий год.",
    "ja": "委員会は木曜日に再び会合を開き、来年の予算について話し合う予定です。",
    "zh": "委员会将于星期四再次开会讨论明年的预算问题，请各位准时参加会议。",
    "ko": "위원회는 내년 예산을 논의하기 위해 목요일에 다시 모일 예정입니다.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_are_told(language: str) -> None:
    guess = tell_language(SENTENCES[language])
    assert guess.language == language
    assert guess.confidence > 0.65


@pytest.mark.parametrize("text", ["", "ok", "Hello", "12345 67890", "Ein", "\U0001f600" * 50])
def test_what_is_too_short_is_not_told_and_passes(text: str) -> None:
    assert tell_language(text) == ("", 0.0)
    outcome = Cleaning(Settings(steps=("language",), languages=("en",))).clean(text)
    assert isinstance(outcome, Cleaned)
    assert outcome.language == ""


def test_other_languages_are_dropped_where_some_are_wanted() -> None:
    wanted = Cleaning(Settings(steps=("language",), languages=("de", "nl")))
    kept, dropped = wanted.clean(SENTENCES["nl"]), wanted.clean(SENTENCES["fr"])
    assert isinstance(kept, Cleaned)
    assert kept.language == "nl"
    assert isinstance(dropped, Dropped)
    assert dropped.why.startswith("language: fr (1.00), ")
    assert dropped.why.endswith("wanted de, nl.")


def test_all_languages_pass_where_none_is_wanted() -> None:
    outcomes = [Cleaning(Settings(steps=("language",))).clean(text) for text in SENTENCES.values()]
    assert [outcome.language for outcome in outcomes if isinstance(outcome, Cleaned)] == list(SENTENCES)


def test_languages_that_cannot_be_told_are_named() -> None:
    with pytest.raises(
        UserError, match=r"language 'english' cannot be told\.\nUse ISO 639 codes: ace, af, am, an, ar, ary, "
    ):
        Settings(languages=("english",))


def test_the_languages_are_those_of_the_model() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    assert set(LANGUAGES) == set(LanguageIdentifier.from_model_file(MODEL_FILE).nb_classes)


def test_the_model_is_arrays_and_no_pickle() -> None:
    """What is read is a zip of arrays; no array holds objects, so that nothing in it can be run."""
    from py3langid import langid

    packed = lzma.decompress((Path(langid.__file__).parent / langid.MODEL_FILE).read_bytes())
    with zipfile.ZipFile(BytesIO(packed)) as arrays:
        heads = {name: arrays.open(name).read(128) for name in arrays.namelist()}
    assert all(name.endswith(".npy") for name in heads)
    assert all(head.startswith(b"\x93NUMPY") and b"'|O'" not in head for head in heads.values())
