"""A place to crawl into, and a way to crawl; as a program, a crawl that somebody can kill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freehold.data.web import Archive, Bounds, Connections, Identity, Scope, Tally, Visit, crawl
from freehold.registry import Registry

IDENTITY = Identity("freehold", "mailto:owner@example.org")
QUICK = Bounds(first_wait=0.01, patience=10.0, between=5.0, whole=10.0)


@dataclass
class Crawls:
    """One crawl's frontier and archive."""

    folder: Path
    shelf: Registry
    name: str = "manual"
    told: list[Tally] = field(default_factory=list)

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "archive")

    def crawl(
        self, *start: str, refresh: bool = False, connections: Connections | None = None, **scope: Any
    ) -> Tally:
        values = {"delay": 0.0, "bounds": QUICK, **scope}
        return crawl(
            Scope(start, **values),
            frontier=self.shelf.frontier(self.name),
            archive=self.archive,
            identity=IDENTITY,
            refresh=refresh,
            allow_loopback=True,
            connections=connections,
            tell=self.told.append,
        )

    def visits(self, *, refused: bool = False) -> dict[str, Visit]:
        """Returns path to page."""
        return {"/" + visit.url.split("/", 3)[3]: visit for visit in self.archive.visits(refused=refused)}

    def reasons(self) -> dict[str, str]:
        """Returns path to why there is no page."""
        found = self.shelf.frontier(self.name).failures(limit=1000)
        return {"/" + url.url.split("/", 3)[3]: outcome.reason for url, outcome in found}


@contextmanager
def crawling(folder: Path) -> Iterator[Crawls]:
    with Registry.open(folder / "state") as shelf:
        yield Crawls(folder, shelf)


def peak_memory() -> int:
    """Returns the most bytes that this process ever had in memory; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    with crawling(Path(sys.argv[1])) as here:
        here.crawl(sys.argv[2])
    print(peak_memory())
