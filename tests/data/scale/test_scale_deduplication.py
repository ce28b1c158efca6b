from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freehold.data.scale import Keep, Means, Progress, Scheme, deduplicate
from freehold.errors import DataError, StorageError

LONG = "the quick brown fox jumps over the lazy dog and runs into the deep dark wood behind the mill by the river"
TEXTS = [LONG, "something else altogether, as it were", LONG.upper() + "!", None, LONG + " today", ""]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.parquet"
    table = pa.table(
        {
            "text": pa.array(TEXTS),
            "number": [10, 11, 12, 13, 14, 15],
            "quality": [0.1, None, 0.9, 0.0, 0.9, 0.2],
            "made": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4, 9, 6)],
            "day": ["2026-01-05", "2026-01-02", "2026-01-03", None, "2026-01-01", "2026-01-01"],
        }
    )
    pq.write_table(table, path, row_group_size=2)
    return path


def kept(source: Path, keep: Keep, **more: object) -> list[int]:
    target = source.with_name("target.parquet")
    deduplicate(source, target, column="text", keep=keep, **more)  # type: ignore[arg-type]
    numbers: list[int] = pq.read_table(target)["number"].to_pylist()
    return numbers


@pytest.mark.parametrize(
    ("keep", "numbers"),
    [
        (Keep(), [10, 11, 13, 15]),
        (Keep("longest"), [11, 13, 14, 15]),
        (Keep("newest", "made"), [11, 13, 14, 15]),
        (Keep("newest", "day"), [10, 11, 13, 15]),
        (Keep("best", "quality"), [11, 12, 13, 15]),
        (Keep("all"), [10, 11, 12, 13, 14, 15]),
    ],
)
def test_the_row_that_the_policy_names_is_kept(source: Path, keep: Keep, numbers: list[int]) -> None:
    assert kept(source, keep) == numbers


def test_all_columns_and_the_cluster_are_written_and_counted(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.parquet"
    report = deduplicate(source, target, column="text", keep=Keep("all"))
    before, after = pq.read_table(source), pq.read_table(target)
    assert after.drop_columns("cluster").equals(before)
    assert after["cluster"].to_pylist() == [0, 1, 0, 3, 0, 5]
    assert report[:9] == (6, 6, 1, 1, 3, 3, 1, report.compared, 1)
    assert report.probability[0.8] > 0.99
    assert list(report.seconds) == ["sign", "compare", "write"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.parquet", "target.parquet"]


def test_a_folder_of_files_is_one_source(source: Path, tmp_path: Path) -> None:
    folder, table = tmp_path / "parts", pq.read_table(source)
    folder.mkdir()
    pq.write_table(table.slice(0, 3), folder / "a.parquet")
    pq.write_table(table.slice(3), folder / "b.parquet")
    assert deduplicate(folder, tmp_path / "one.parquet", column="text").kept == 4
    assert deduplicate(source, tmp_path / "two.parquet", column="text").kept == 4
    assert pq.read_table(tmp_path / "one.parquet").equals(pq.read_table(tmp_path / "two.parquet"))
    pq.write_table(table.drop_columns("day"), folder / "c.parquet")
    with pytest.raises(DataError, match="has other columns than"):
        deduplicate(folder, tmp_path / "one.parquet", column="text")


def test_memory_and_threads_change_nothing(tmp_path: Path) -> None:
    texts = [f"{LONG} {number % 50} and {number % 7} more" for number in range(9_000)]
    source = tmp_path / "source.parquet"
    pq.write_table(pa.table({"text": pa.array(texts, pa.string_view())}), source, row_group_size=1_000)
    told: list[Progress] = []
    plain = deduplicate(source, tmp_path / "plain.parquet", column="text", tell=told.append)
    tight = Means(memory_mb=1, threads=3, scratch=tmp_path)
    other = deduplicate(source, tmp_path / "tight.parquet", column="text", means=tight)
    assert plain._replace(seconds={}) == other._replace(seconds={})
    assert pq.read_table(tmp_path / "plain.parquet").equals(pq.read_table(tmp_path / "tight.parquet"))
    assert {each.step for each in told} == {"sign", "compare", "write"}
    for step in ("sign", "compare", "write"):
        counts = [each.done for each in told if each.step == step]
        assert counts == sorted(counts)
        assert counts[-1] == next(each.total for each in told if each.step == step)
    assert len([each for each in told if each.step == "sign"]) > 1


PEAK = """
import sys
from pathlib import Path
from freehold.data.scale import Means, deduplicate
deduplicate(Path(sys.argv[1]), Path(sys.argv[2]), column="text", means=Means(memory_mb=4))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory of a process")
def test_no_more_memory_is_taken_than_allowed(tmp_path: Path) -> None:
    peaks = []
    for name, rows in (("small", 1), ("large", 2_600)):
        source = tmp_path / f"{name}.parquet"
        texts = [" ".join(str(row * 5_000 + word) for word in range(5_000)) for row in range(rows)]
        pq.write_table(pa.table({"text": texts}), source, row_group_size=100)
        command = [sys.executable, "-c", PEAK, str(source), str(tmp_path / "target.parquet")]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert sum(map(len, texts)) > 100_000_000
    assert (peaks[1] - peaks[0]) * 1024 < 80_000_000


def test_the_scheme_says_what_is_near(source: Path) -> None:
    assert kept(source, Keep(), scheme=Scheme.derive(0.99)) == [10, 11, 13, 14, 15]
    assert kept(source, Keep(), exact=False) == [10, 11, 13, 15]


def test_an_empty_source_gives_an_empty_target(tmp_path: Path) -> None:
    source = tmp_path / "source.parquet"
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), source)
    assert deduplicate(source, tmp_path / "target.parquet", column="text").rows == 0
    assert pq.read_table(tmp_path / "target.parquet").column_names == ["text", "cluster"]


@pytest.mark.parametrize(
    ("column", "keep", "told"),
    [
        ("absent", Keep(), "no column `absent`"),
        ("number", Keep(), "column `number` holds int64"),
        ("text", Keep("newest"), "needs the name of a column"),
        ("text", Keep("first", "made"), "takes no column"),
        ("text", Keep("oldest"), "'oldest' is unknown"),  # type: ignore[arg-type]
        ("text", Keep("best", "absent"), "no column `absent`"),
        ("text", Keep("best", "text"), "numbers or times are needed"),
    ],
)
def test_a_mistake_is_named(source: Path, column: str, keep: Keep, told: str) -> None:
    target = source.with_name("target.parquet")
    with pytest.raises(DataError, match=told):
        deduplicate(source, target, column=column, keep=keep)
    assert not target.exists()


def test_what_cannot_be_read_or_written_is_named(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.parquet"
    with pytest.raises(DataError, match="neither a Parquet file nor a folder"):
        deduplicate(tmp_path / "absent.parquet", target, column="text")
    with pytest.raises(DataError, match="is the source"):
        deduplicate(source, source, column="text")
    with pytest.raises(StorageError, match="is not there"):
        deduplicate(source, tmp_path / "absent" / "target.parquet", column="text")
    deduplicate(source, target, column="text")
    with pytest.raises(DataError, match="has a column `cluster` already"):
        deduplicate(target, tmp_path / "again.parquet", column="text")
    damaged = tmp_path / "damaged.parquet"
    content = bytearray(source.read_bytes())
    content[4:40] = bytes(36)
    damaged.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        deduplicate(damaged, tmp_path / "again.parquet", column="text")
    assert not (tmp_path / "again.parquet").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from freehold.data.scale import deduplicate
def tell(progress):
    if (progress.step, progress.done > 0) == (sys.argv[3], True):
        os.kill(os.getpid(), signal.SIGKILL)
deduplicate(Path(sys.argv[1]), Path(sys.argv[2]), column="text", tell=tell)
"""


@pytest.mark.parametrize("step", ["sign", "compare", "write"])
def test_a_run_that_is_killed_leaves_the_target_as_it_was(source: Path, tmp_path: Path, step: str) -> None:
    target = tmp_path / "target.parquet"
    target.write_bytes(b"before")
    done = subprocess.run([sys.executable, "-c", KILLED, str(source), str(target), step], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"before"
    report = deduplicate(source, target, column="text")
    assert pq.read_table(target).num_rows == report.kept == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_a_running_process_keeps_is_left_alone(source: Path, tmp_path: Path) -> None:
    other = tmp_path / f".freehold-scale-{os.getppid()}-x"
    other.mkdir()
    deduplicate(source, tmp_path / "target.parquet", column="text")
    assert other.exists()
