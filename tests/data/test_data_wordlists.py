"""Lists of words that a task does not want: what they may hold, what they do, and when they count as another."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from tests.data.workplace import Work

from freehold.data import Refused, fingerprint
from freehold.data.wordlists import LARGEST, digest_profanity, read_profanity
from freehold.errors import TaskFileError
from freehold.registry import Registry
from freehold.task import DataRules, Example, Source

RULES = DataRules(profanity="words.txt")


def mistakes(work: Work) -> str:
    with pytest.raises(TaskFileError) as caught:
        read_profanity(RULES, work.folder)
    assert digest_profanity(RULES, work.folder) == ""
    return str(caught.value)


def test_a_list_is_read_as_words_are_compared(work: Work) -> None:
    work.put("words.txt", "\ufeffZorp\r\n\n  Blim \nzorp\nE\u0301lan\n".encode())
    assert read_profanity(RULES, work.folder) == {"zorp", "blim", "élan"}
    assert read_profanity(DataRules(), work.folder) == frozenset()
    assert digest_profanity(DataRules(), work.folder) == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "`profanity` in `[data]` is 'words.txt': it has no word; write one a line."),
        (b"\n \n", "it has no word"),
        (b"zorp\ntwo words\n", "words.txt:2: 'two words' is not one word"),
        (b"(zorp\n", "words.txt:1: '(zorp' is not one word"),
        (b"zorp\nz*rp\n--\n", "`words.txt` has 2 mistakes:"),
        (b"zorp\n" + b"z" * 101, "words.txt:2: the line has 101 characters; a word has at most 100."),
        (b"zorp\n\xffblim\n", "words.txt:2: byte 0xff is not UTF-8."),
        (b"zorp\x00\n", "is not one word"),
        (b"zorp\n" * (LARGEST // 5 + 1), f"it is longer than {LARGEST:,} bytes"),
        (b"a b\n" * 15, "words.txt:11: so is this, with 4 more."),
    ],
)
def test_what_is_no_list_says_so(work: Work, content: bytes, message: str) -> None:
    work.put("words.txt", content)
    assert message in mistakes(work)


def test_a_file_that_is_not_there_says_where_it_should_be(work: Work) -> None:
    assert f"there is no such file; put it into `{work.folder}`" in mistakes(work)
    work.put("word.txt", "zorp")
    assert "there is no such file; did you mean `word.txt`?" in mistakes(work)
    (work.folder / "words.txt").mkdir()
    assert "it is a folder" in mistakes(work)
    for name, reason in {
        "lists/words.txt": "there is no folder",
        "~nobody-of-that-name/words.txt": "it cannot be read: ",
        "a\0b": "there is no such file",
    }.items():
        with pytest.raises(TaskFileError, match=reason):
            read_profanity(DataRules(profanity=name), work.folder)


def test_rows_with_a_listed_word_are_refused_and_test_rows_stay(work: Work) -> None:
    work.put("words.txt", "zorp\n")
    work.put_rows("a.jsonl", [("What a ZORP it is.", "x"), ("What a zorpal day.", "x")])
    rows = work.read("a.jsonl", rules=RULES)
    assert [row.inputs["text"] for row in rows if isinstance(row, Example)] == ["What a zorpal day."]
    assert [row.reason for row in rows if isinstance(row, Refused)] == ["cleaning: profanity: 1 word of the list"]
    tests = work.read(Source("a.jsonl", {}, split="test"), rules=RULES)
    assert not any(isinstance(row, Refused) for row in tests)


def test_a_list_that_cannot_be_used_ends_the_collecting_once(work: Work) -> None:
    work.put_rows("a.jsonl", [("one", "x")])
    work.put_rows("b.jsonl", [("two", "x")])
    with pytest.raises(TaskFileError, match=r"`task.toml` has 1 mistake:\n.*there is no such file"):
        work.collect("a.jsonl", "b.jsonl", rules=RULES)


def test_other_words_are_other_data(work: Work) -> None:
    shelf, task = cast("Registry", work.shelf), work.task
    assert "profanity" not in fingerprint(task, shelf)

    def told(words: str) -> object:
        work.put("words.txt", words)
        return fingerprint(replace(task, rules=RULES), shelf)["profanity"]

    first = told("zorp\nblim\n")
    assert told("BLIM\n\nzorp\n") == first
    assert told("zorp\nblims\n") != first
    (work.folder / "words.txt").unlink()
    assert fingerprint(replace(task, rules=RULES), shelf)["profanity"] == ""
