from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from freehold.errors import PluginError, UserError
from freehold.plugins import Plugins

Length = Callable[[str], int]


@pytest.fixture
def lengths() -> Plugins[Length]:
    parts: Plugins[Length] = Plugins("freehold.test-lengths")
    parts.register("characters.v1")(len)
    return parts


def test_a_part_comes_back_by_its_name(lengths: Plugins[Length]) -> None:
    @lengths.register("words.v1")
    def words(text: str) -> int:
        return len(text.split())

    assert lengths.get("words.v1") is words
    assert lengths.get("characters.v1")("four") == 4
    assert list(lengths) == ["characters.v1", "words.v1"]


def test_a_name_is_taken_once(lengths: Plugins[Length]) -> None:
    with pytest.raises(PluginError, match=r"`characters\.v1` is registered twice"):
        lengths.register("characters.v1")(len)


def test_an_unknown_name_lists_those_there_are(lengths: Plugins[Length]) -> None:
    with pytest.raises(UserError, match=r"no part 'lines\.v1'") as caught:
        lengths.get("lines.v1")
    assert caught.value.hint == "It has: characters.v1"


def test_other_packages_add_parts_by_entry_point(
    lengths: Plugins[Length], monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("bytes.v1", "builtins:len", "freehold.test-lengths")
    asked: list[str] = []

    def entry_points(*, group: str) -> EntryPoints:
        asked.append(group)
        return EntryPoints([point])

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert list(lengths) == ["bytes.v1", "characters.v1"]
    assert lengths.get("bytes.v1") is len
    assert asked == ["freehold.test-lengths"]
