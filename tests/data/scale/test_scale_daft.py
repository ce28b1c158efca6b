"""The same code on Daft, alone and on Ray. Skipped where they are not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freehold.data.scale import Means, deduplicate
from freehold.errors import MissingExtraError

needs_daft = pytest.mark.skipif(find_spec("daft") is None, reason="daft is not installed: freehold[scale]")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: freehold[ray]")

PROGRAM = """
import sys
from pathlib import Path
if sys.argv[3] == "ray":
    import os
    from freehold.data.scale.daft_engine import QUIET
    os.environ.update(QUIET)
    import ray
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
             runtime_env={"env_vars": QUIET})
from freehold.data.scale import Means, deduplicate
source, target = Path(sys.argv[1]), Path(sys.argv[2])
report = deduplicate(source, target, column="text", means=Means(on=sys.argv[3]))
import daft, daft.scarf_telemetry
assert daft.scarf_telemetry.opted_out()
print(report.rows, report.kept, daft.runners.get_or_infer_runner_type())
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two files with five row groups."""
    folder = tmp_path / "source"
    folder.mkdir()
    texts = [f"the text number {n % 900} of many that are much alike, {n % 900} times" for n in range(2_500)]
    pq.write_table(pa.table({"text": texts[:1_500]}), folder / "a.parquet", row_group_size=500)
    pq.write_table(pa.table({"text": texts[1_500:]}), folder / "b.parquet", row_group_size=500)
    return folder


@needs_daft
@pytest.mark.parametrize("on", ["daft", pytest.param("ray", marks=[needs_ray, pytest.mark.slow])])
def test_wherever_texts_are_signed_the_result_is_the_same(source: Path, tmp_path: Path, on: str) -> None:
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    report = deduplicate(source, here, column="text")
    command = [sys.executable, "-c", PROGRAM, str(source), str(there), on]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    told = done.stdout.split()
    assert told == [str(report.rows), str(report.kept), "ray" if on == "ray" else "native"]
    assert pq.read_table(here).equals(pq.read_table(there))


@pytest.mark.skipif(find_spec("daft") is not None, reason="daft is installed")
@pytest.mark.parametrize("on", ["daft", "ray"])
def test_where_daft_is_absent_the_extra_is_named(source: Path, tmp_path: Path, on: str) -> None:
    with pytest.raises(MissingExtraError) as caught:
        deduplicate(source, tmp_path / "target.parquet", column="text", means=Means(on=on))  # type: ignore[arg-type]
    assert caught.value.message == "`daft` is not installed."
    assert "pip install 'freehold[scale]'" in caught.value.hint
