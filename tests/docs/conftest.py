"""Puts the repository's root on the path: the tools in `docs` are run from there and never installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
