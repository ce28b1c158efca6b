"""What `freehold.json` says is what is read, of older folders too."""

from __future__ import annotations

import json
from pathlib import Path

from freehold.engine import DESCRIPTION, Description, open_folder, write_description

DESK = Description("desk", "", ("text",), (), {}, "base", 64, {}, spans_layer="middle")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_description(tmp_path, DESK)
    assert open_folder(tmp_path).description == DESK


def test_a_folder_that_names_no_layers_for_spans_reads_the_last_one(tmp_path: Path) -> None:
    write_description(tmp_path, DESK)
    content = json.loads((tmp_path / DESCRIPTION).read_bytes())
    del content["spans_layer"]
    (tmp_path / DESCRIPTION).write_text(json.dumps(content))
    assert open_folder(tmp_path).description.spans_layer == "last"
