"""Champions are loaded, swapped and kept, and no request notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.serve.bank import Client, WordReader, make_task, release

from freehold.errors import IntegrityError, StorageError, UserError
from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.champions import Champions
from freehold.serve.rim import Rim
from freehold.task import Prediction, Task

ROUTE = "/v1/tasks/banking"


def test_a_task_without_champion_says_what_to_type(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    with Client(make_app(Served(task, shelf))) as client:
        response = client.post(ROUTE, {"text": "a"})
        error = response.json()["error"]
        assert (response.status_code, error["type"], error["code"]) == (503, "server_error", "no_champion")
        assert error["message"].endswith(f"Make one: freehold run {task.folder}")
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["error"]["code"] == "not_ready"
        assert ready.json()["tasks"] == {"banking": {"ready": False, "model": None, "problem": None}}
        release(shelf, task)
        client.wait_for("/readyz", lambda response: response.status_code == 200)
        assert client.post(ROUTE, {"text": "a"}).status_code == 200


def test_a_new_champion_and_a_rollback_are_picked_up_without_a_failed_request(
    client: Client, shelf: Registry, task: Task
) -> None:
    stop = threading.Event()

    def load() -> list[tuple[int, str]]:
        seen = []
        while not stop.is_set():
            response = client.post(ROUTE, [{"text": "?"}, {"text": "?"}])
            body = response.json()
            said = {(each["model"], each["answers"]["intent"]["value"]) for each in body}
            assert len(said) == 1, "one request is answered by one model"
            seen.append((response.status_code, "/".join(said.pop())))
        return seen

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(load) for _ in range(4)]
        release(shelf, task, favourite="top_up")
        client.wait_for("/readyz", lambda response: "banking@2" in response.text)
        shelf.rollback("banking", who="ana", why="worse")
        client.wait_for("/readyz", lambda response: "banking@1" in response.text)
        stop.set()
        seen = [each for worker in workers for each in worker.result()]
    assert {status for status, _ in seen} == {200}
    assert {said for _, said in seen} <= {"banking@1/transfer", "banking@2/top_up"}


def test_a_request_keeps_the_model_it_began_with(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    champions = Champions([Served(task, shelf)], open_reader=WordReader)
    champions.load()
    (slot,) = champions
    before = slot.loaded
    release(shelf, task, favourite="top_up")
    champions.refresh(slot)
    assert before is not None
    assert slot.loaded is not None
    assert (before.release.version, slot.loaded.release.version) == (1, 2)
    answers = before.reader.predict([{"text": "?"}], model="m", requests=["r"])[0].answers
    assert answers["intent"].value == "transfer"


def test_a_release_that_cannot_be_loaded_leaves_the_old_one_in_service(
    client: Client, shelf: Registry, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    release(shelf, task, damaged=True)
    ready = client.wait_for("/readyz", lambda response: "damaged" in response.text)
    assert ready.status_code == 200
    state = ready.json()["tasks"]["banking"]
    assert state["model"] == "banking@1"
    assert "reader.json` is damaged" in state["problem"]
    assert client.post(ROUTE, {"text": "a"}).json()["model"] == "banking@1"
    assert 'freehold_load_failures{task="banking"} 1.0' in client.get("/metrics").text
    assert [each.levelname for each in caplog.records if "cannot be loaded" in each.message] == ["ERROR"]
    release(shelf, task, favourite="top_up")
    ready = client.wait_for("/readyz", lambda response: "banking@3" in response.text)
    assert ready.json()["tasks"]["banking"]["problem"] is None


def test_a_damaged_champion_stops_the_start_and_names_its_task(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task, damaged=True)
    with pytest.raises(IntegrityError, match=r"The champion of `banking` is damaged: .*reader\.json"):
        make_app(Served(task, shelf))


def test_files_that_were_changed_on_disk_stop_the_start(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    folder = release(shelf, task).artifact.folder
    (folder / "reader.json").unlink()
    (folder / "reader.json").write_text('{"other": 1}')
    for blob in shelf.blobs.path("0" * 64).parent.parent.rglob("*"):
        if blob.is_file() and b"favourite" in blob.read_bytes():
            blob.unlink()
            blob.write_text('{"other": 1}')
    with pytest.raises(IntegrityError, match="The champion of `banking` is damaged"):
        make_app(Served(task, shelf))


def test_a_reader_of_other_files_than_released_is_refused(shelf: Registry, task: Task, tmp_path: Path) -> None:
    release(shelf, task)
    other = tmp_path / "other"
    other.mkdir()
    (other / "reader.json").write_text('{"inputs": [], "fields": [], "favourite": "", "task": "x"}')

    def open_other(folder: Path, *, threads: int = 0) -> WordReader:
        return WordReader(other)

    with pytest.raises(IntegrityError, match="`banking@1` are not what was released"):
        Champions([Served(task, shelf)], open_reader=open_other).load()


def test_a_model_that_cannot_answer_is_no_champion(shelf: Registry, task: Task) -> None:
    class Mute(WordReader):
        def predict(self, *_args: object, **_options: object) -> list[Prediction]:
            raise RuntimeError("no such operator")

    release(shelf, task)
    champions = Champions([Served(task, shelf)], open_reader=Mute)
    (slot,) = champions
    champions.refresh(slot)
    assert (slot.loaded, slot.problem) == (None, "RuntimeError: no such operator")


def test_tries_again_after_ever_longer_waits(shelf: Registry, task: Task) -> None:
    opened = []

    def open_reader(folder: Path, *, threads: int = 0) -> WordReader:
        opened.append(folder)
        raise StorageError("no memory")

    release(shelf, task)
    champions = Champions([Served(task, shelf)], open_reader=open_reader)
    (slot,) = champions
    for _ in range(5):
        champions.refresh(slot)
    assert len(opened) == 1
    assert (slot.loaded, slot.problem, slot.failures) == (None, "no memory", 1)


def test_a_registry_out_of_reach_is_said_and_the_champion_stays(shelf: Registry, task: Task) -> None:
    class Away:
        away = False

        def __getattr__(self, name: str) -> object:
            if self.away:
                raise StorageError("The database is away.")
            return getattr(shelf, name)

    release(shelf, task)
    away = Away()
    champions = Champions([Served(task, away)], open_reader=WordReader)  # type: ignore[arg-type]
    champions.load()
    (slot,) = champions
    away.away = True
    champions.refresh(slot)
    assert slot.loaded is not None
    assert (slot.reachable, slot.problem) == (False, "The database is away.")
    away.away = False
    champions.refresh(slot)
    assert (slot.reachable, slot.problem) == (True, "")


def test_versions_stay_in_memory_only_for_a_while(shelf: Registry, task: Task) -> None:
    for number in range(7):
        release(shelf, task, favourite=f"f{number}")
    champions = Champions([Served(task, shelf)], open_reader=WordReader)
    champions.load()
    (slot,) = champions
    first = slot.version(1)
    assert slot.version(1) is first
    assert slot.version(7) is slot.loaded
    for number in range(2, 6):
        slot.version(number)
    assert slot.version(1) is not first


def test_a_name_is_served_once(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    with pytest.raises(UserError, match="Two of the tasks are called `banking`"):
        make_app(Served(task, shelf), Served(task, shelf))


def test_several_tasks_are_served_side_by_side(
    client: Client, shelf: Registry, task: Task, make_app: Callable[..., Rim], tmp_path: Path
) -> None:
    mail = make_task(tmp_path, name="mail", inputs=("title", "body"))
    release(shelf, mail)
    with Client(make_app(Served(task, shelf), Served(mail, shelf))) as both:
        asked = both.post("/v1/tasks/mail", {"title": "top up", "body": "now"}).json()
        assert (asked["task"], asked["answers"]["urgent"]["value"]) == ("mail", True)
        assert both.post(ROUTE, {"text": "a"}).json()["task"] == "banking"
