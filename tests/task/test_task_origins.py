"""`[[source]]` and `[data]` of a task file: what they hold, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from freehold.errors import TaskFileError
from freehold.task import Crawl, DataRules, Json, Source, Task, load_task

HEAD = '[task]\nname = "t"\n[input]\ntext = "string"\n[output.kind]\nkind = "choice"\n'
SOURCE = '[[source]]\nuri = "a.csv"\n'
SITE = '[[source]]\nuri = "https://example.org/a/"\n[source.crawl]\ncontact = "me@example.org"\n'


def load(folder: Path, text: str) -> Task:
    (folder / "task.toml").write_text(HEAD + text)
    return load_task(folder)


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(TaskFileError) as caught:
        load(folder, text)
    return str(caught.value)


def test_all_that_a_source_may_say(tmp_path: Path) -> None:
    said = 'files = ["*.md", "docs/*"]\nchunk = 100\nquery = "SELECT 1"\n'
    (source,) = load(tmp_path, SOURCE + said).sources
    fields = {"text": "text", "kind": "kind"}
    assert source == Source("a.csv", fields, files=("*.md", "docs/*"), chunk=100, query="SELECT 1")
    assert load(tmp_path, SOURCE + 'files = "*.md"\n').sources[0].files == ("*.md",)


def test_what_is_not_said_changes_no_key(tmp_path: Path) -> None:
    """A task that says nothing new has the keys that it had: nothing is made again."""
    plain = {"uri": "a.csv", "fields": {"text": "text", "kind": "kind"}, "licence": "", "split": "auto"}
    assert load(tmp_path, SOURCE).part("sources") == [plain]
    told = load(tmp_path, SITE).part("sources")
    assert isinstance(told, list)
    assert told[0]["crawl"]["contact"] == "me@example.org"  # type: ignore[index,call-overload]


def test_all_that_a_crawl_may_say(tmp_path: Path) -> None:
    paths = 'name = "us"\nhosts = ["a.org"]\ninclude = ["/a/**"]\nexclude = ["/b"]\n'
    limits = "depth = 2\npages = 9\nmegabytes = 5\ndelay = 0.5\nsitemaps = false\nloopback = true\n"
    (source,) = load(tmp_path, SITE + paths + limits).sources
    assert source.crawl == Crawl(
        "me@example.org",
        "us",
        hosts=("a.org",),
        include=("/a/**",),
        exclude=("/b",),
        depth=2,
        pages=9,
        megabytes=5,
        delay=0.5,
        sitemaps=False,
        loopback=True,
    )
    assert load(tmp_path, SITE).sources[0].crawl == Crawl("me@example.org")


def test_all_that_data_may_say(tmp_path: Path) -> None:
    said = (
        '[data]\nlicences = ["MIT"]\nforbid = ["GPL-*"]\nreserved = true\ngroup = "author"\nclean = ["rows"]\n'
        'pii = "mask"\nsecrets = "drop"\nlanguages = ["en"]\nuse = ["changes", "commercial"]\n'
        'profanity = "words.txt"\n'
    )
    assert load(tmp_path, said + SOURCE).rules == DataRules(
        licences=("MIT",),
        forbid=("GPL-*",),
        reserved=True,
        group="author",
        clean=("rows",),
        pii="mask",
        secrets="drop",
        languages=("en",),
        use=("commercial", "changes"),
        profanity="words.txt",
    )
    assert load(tmp_path, SOURCE).rules == DataRules()


def test_keys_that_came_later_change_nothing_where_they_are_not_used(tmp_path: Path) -> None:
    first = ("licences", "forbid", "reserved", "group", "clean", "pii", "secrets", "languages")
    assert set(cast("dict[str, Json]", load(tmp_path, SOURCE).part("rules"))) == set(first)
    told = load(tmp_path, '[data]\nuse = ["changes"]\n' + SOURCE).part("rules")
    assert cast("dict[str, Json]", told)["use"] == ["changes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SOURCE + "chunk = 5\n", "9: `chunk` is 5; a row has at least 20 words."),
        (SOURCE + "chunk = -1\n", "`chunk` is -1; it must be a whole number"),
        (SOURCE + "files = 3\n", "`files` is 3; it must be a list of strings."),
        (SOURCE + 'files = ["a", 3]\n', "`files` is a list; it must be a list of strings."),
        (SOURCE + 'file = "a"\n', "unknown key `file`; did you mean `files`?"),
        (
            SOURCE + '[source.crawl]\ncontact = "a@b.org"\n',
            "`crawl` is for a source whose `uri` begins with http://",
        ),
        ('[[source]]\nuri = "https://a.org/"\n', "a web site is fetched by `[source.crawl]` with `contact ="),
        (SITE.replace("contact", "contct"), "has no `contact`"),
        (SITE + "delay = -1\n", "`delay` is -1; it must be a number from 0 to 86400."),
        (SITE + 'loopback = "yes"\n', "`loopback` is 'yes'; it must be true or false."),
        ('[data]\ngroup = "authors"\n' + SOURCE, "unknown group 'authors'; did you mean `author`?"),
        ('[data]\npii = "hide"\n' + SOURCE, "unknown pii 'hide'"),
        ('[data]\nlicense = ["MIT"]\n' + SOURCE, "unknown key `license`; did you mean `licences`?"),
        ('[data]\nuse = ["comercial"]\n' + SOURCE, "unknown use 'comercial'; did you mean `commercial`?"),
        ('[data]\nuse = "sale"\n' + SOURCE, "unknown use 'sale'; allowed: `commercial`, `changes`."),
        ('[data]\nprofanity = " "\n' + SOURCE, "`profanity` is ' '; it must name a file with one word a line."),
        ('[data]\nprofanity = ""\n' + SOURCE, "`profanity` is ''; it must name a file"),
        ("[data]\nprofanity = true\n" + SOURCE, "`profanity` is true; it must be a string."),
        ('[data]\nclean = ["profanity"]\n' + SOURCE, "needs a list; name its file: profanity ="),
        ("[data]\nreserved = 1\n" + SOURCE, "`reserved` is 1; it must be true or false."),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    assert message in mistakes(tmp_path, text)


def test_chunks_need_one_input_and_no_spans(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text(
        HEAD.replace("[output", 'more = "string"\n[output') + SOURCE + "chunk = 50\n"
    )
    with pytest.raises(TaskFileError, match="splits the text of one input, and the task has 2"):
        load_task(tmp_path)
    (tmp_path / "task.toml").write_text(HEAD.replace('"choice"', '"spans"') + SOURCE + "chunk = 50\n")
    with pytest.raises(TaskFileError, match="would cut spans in two"):
        load_task(tmp_path)
