"""Models and releases: versions, verdicts, champions, rollbacks, lineage."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.registry.made import TASK, TRAINED, admit, below, correction, record

from freehold.errors import CheckError, IntegrityError, NotFoundError
from freehold.registry import Registry
from freehold.task import Artifact, Judgement, LabelledExamples, Release


def states(shelf: Registry) -> dict[int, str]:
    return {release.version: release.state for release in shelf.models("banking")}


def log(shelf: Registry) -> list[tuple[object, object]]:
    return [(row["action"], row["version"]) for row in shelf.history("banking")]


def promote(shelf: Registry, name: str, *, against: str = "") -> Release:
    release = admit(shelf, name, against=against)
    return shelf.promote(release, because=release.verdict)


def test_versions_count_up_and_an_artifact_has_one(shelf: Registry) -> None:
    first, second, again = admit(shelf, "a"), admit(shelf, "b"), admit(shelf, "a")
    assert [release.version for release in (first, second, again)] == [1, 2, 1]
    assert first == again == shelf.release("banking", 1)
    assert first.name == "banking@1"
    assert first.artifact.facts == {"size_mb": 1.5}
    assert below(first.artifact.folder) == {*TRAINED, "name"}
    assert shelf.models("banking") == [first, second]
    assert shelf.models("mail") == []
    assert shelf.verify().damaged == ()


def test_a_new_verdict_on_the_same_artifact_is_kept(shelf: Registry) -> None:
    admit(shelf, "a")
    admit(shelf, "b", against="banking@1")
    judged = admit(shelf, "b", passed=False, against="banking@1", reasons=("It is worse.",))
    assert (judged.version, judged.state) == (2, "refused")
    assert judged.verdict.reasons == ("It is worse.",)
    assert shelf.verify().damaged == ()


def test_an_artifact_that_was_never_recorded_is_not_admitted(shelf: Registry, tmp_path: Path) -> None:
    release = admit(shelf, "a")
    with pytest.raises(IntegrityError, match="no recorded result"):
        shelf.admit(
            TASK,
            Artifact(tmp_path, {}, "ab" * 32),
            Judgement(_judged(shelf, release)),
            LabelledExamples(tmp_path),
        )


def _judged(shelf: Registry, release: Release) -> Path:
    return shelf.state / "results" / str(shelf.lineage("banking", release.version)["judgement"])


def test_promotion_moves_the_champion_and_tells_who_and_why(shelf: Registry) -> None:
    assert shelf.champion("banking") is None
    assert shelf.champion_version("banking") is None
    first = promote(shelf, "a")
    assert first == shelf.champion("banking")
    assert first.state == "champion"
    second = shelf.promote(admit(shelf, "b"), because="It is faster.", who="ada")
    assert shelf.champion_version("banking") == second.version == 2
    assert states(shelf) == {1: "released", 2: "champion"}
    line, person = shelf.history("banking")
    assert (line["who"], line["why"], line["action"]) == ("freehold", "It is good.", "promote")
    assert (person["who"], person["why"], person["version"]) == ("ada", "It is faster.", 2)
    assert str(line["time"]) < str(person["time"])


def test_promoting_the_champion_changes_nothing(shelf: Registry) -> None:
    first = promote(shelf, "a")
    assert shelf.promote(first, because=first.verdict) == shelf.promote(first, because="again") == first
    assert log(shelf) == [("promote", 1)]


def test_a_person_is_named_where_nobody_says_who(shelf: Registry) -> None:
    shelf.promote(admit(shelf, "a"))
    assert shelf.history("banking")[0]["who"] not in ("", "freehold")


def test_a_verdict_that_did_not_pass_promotes_nothing_but_a_person_may(shelf: Registry) -> None:
    refused = admit(shelf, "a", passed=False, reasons=("`intent` is too low.",))
    with pytest.raises(CheckError, match="`intent` is too low"):
        shelf.promote(refused, because=refused.verdict)
    assert states(shelf) == {1: "refused"}
    assert shelf.promote(refused, because="I know better.").state == "champion"


def test_a_rollback_withdraws_and_a_turn_does_not_undo_it(shelf: Registry) -> None:
    first, second = promote(shelf, "a"), promote(shelf, "b", against="banking@1")
    assert shelf.rollback("banking", who="ada", why="Customers complain.").version == 1
    assert states(shelf) == {1: "champion", 2: "withdrawn"}
    assert log(shelf) == [("promote", 1), ("promote", 2), ("withdraw", 2), ("rollback", 1)]
    assert {row["why"] for row in shelf.history("banking")[2:]} == {"Customers complain."}
    assert shelf.promote(second, because=second.verdict) == shelf.champion("banking")
    assert shelf.champion_version("banking") == first.version
    assert admit(shelf, "b", against="banking@1").state == "withdrawn"
    assert shelf.promote(second, because="It was the network.").version == 2
    assert states(shelf) == {1: "released", 2: "champion"}


def test_rollbacks_go_back_step_by_step(shelf: Registry) -> None:
    for name in "abc":
        promote(shelf, name)
    assert [shelf.rollback("banking").version for _ in range(2)] == [2, 1]
    with pytest.raises(NotFoundError, match="cannot go back from version 1"):
        shelf.rollback("banking")
    assert states(shelf) == {1: "champion", 2: "withdrawn", 3: "withdrawn"}


def test_a_rollback_to_a_version(shelf: Registry) -> None:
    for name in "abc":
        promote(shelf, name)
    admit(shelf, "never served")
    for to in (0, 3, 4, 9):
        with pytest.raises(NotFoundError, match=f"from version 3 to {to}") as caught:
            shelf.rollback("banking", to=to)
        assert "1, 2" in caught.value.hint
    assert shelf.rollback("banking", to=1).version == 1
    assert shelf.rollback("banking", to=3).version == 3


def test_a_rollback_without_a_champion(shelf: Registry) -> None:
    with pytest.raises(NotFoundError, match="`banking` has no champion"):
        shelf.rollback("banking")


def test_a_version_that_is_not_there(shelf: Registry) -> None:
    with pytest.raises(NotFoundError, match="`banking` has no model yet"):
        shelf.release("banking", 1)
    admit(shelf, "a")
    admit(shelf, "b")
    for ask in (shelf.release, shelf.lineage):
        with pytest.raises(NotFoundError, match="no version 7") as caught:
            ask("banking", 7)
        assert caught.value.hint == "It has: 1, 2"


def test_a_damaged_model_does_not_go_in_service(shelf: Registry) -> None:
    promote(shelf, "a")
    second = admit(shelf, "b")
    path = second.artifact.folder / "name"
    path.chmod(0o644)
    path.write_bytes(b"tampered")
    with pytest.raises(IntegrityError, match="`name` of `banking@2` is damaged"):
        shelf.promote(second, because=second.verdict)
    assert states(shelf) == {1: "champion", 2: "released"}
    assert log(shelf) == [("promote", 1)]


def test_the_rival_is_the_champion_or_what_the_champion_beat(shelf: Registry) -> None:
    first = admit(shelf, "a")
    assert shelf.rival(TASK, first.artifact) is None
    shelf.promote(first, because=first.verdict)
    assert shelf.rival(TASK, first.artifact) is None
    second = admit(shelf, "b", against="banking@1")
    for artifact in (second.artifact, Artifact(Path("new"), {}, "new")):
        rival = shelf.rival(TASK, artifact)
        assert rival is not None
        assert rival.version == 1
    shelf.promote(second, because=second.verdict)
    rival = shelf.rival(TASK, second.artifact)
    assert rival is not None
    assert rival.version == 1
    shelf.rollback("banking")
    rival = shelf.rival(TASK, second.artifact)
    assert rival is not None
    assert (rival.version, rival.state) == (1, "champion")


def test_lineage_leads_to_the_corrections(shelf: Registry) -> None:
    admit(shelf, "a")
    release = admit(shelf, "b", corrections=[correction(2), correction(1)])
    lineage = shelf.lineage("banking", release.version)
    assert lineage["corrections"] == ["1", "2"]
    assert lineage["artifact"] == release.artifact.digest
    stages = lineage["stages"]
    assert isinstance(stages, list)
    names = [stage["stage"] for stage in stages if isinstance(stage, dict)]
    assert names == ["label.annotate", "compress.shrink", "gate.judge"]
    assert shelf.lineage("banking", 1)["corrections"] == []


def test_lineage_ends_where_a_stage_gives_back_what_it_got(shelf: Registry) -> None:
    recorded = record(shelf, TRAINED, stage="data.collect")
    record(shelf, TRAINED, stage="label.annotate", inputs=(recorded.digest,))
    release = admit(shelf, "a")
    assert shelf.lineage("banking", release.version)["stages"]
