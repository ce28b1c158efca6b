"""One registry, many threads: the server's workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.registry.made import TRAINED, admit, record
from tests.registry.test_registry_traffic import asked, said

from freehold.registry import Registry


def test_threads_share_a_registry(shelf: Registry) -> None:
    release = admit(shelf, "a")

    def work(number: int) -> int | None:
        shelf.record_requests([asked(f"{number}-{row}") for row in range(5)])
        shelf.add_feedback([said(f"{number}")])
        record(shelf, {**TRAINED, "mine": f"{number % 3}".encode()})
        shelf.promote(release, because=release.verdict)
        shelf.sweep()
        return shelf.champion_version("banking")

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(work, range(24))) == {1}
    assert len(shelf.requests("banking", limit=1000)) == 24 * 5
    assert len(shelf.feedback("banking")) == 24
    assert len(shelf.history("banking")) == 1
    assert shelf.verify().damaged == ()
