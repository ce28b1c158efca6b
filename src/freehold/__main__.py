"""`python -m freehold` is the program `freehold`."""

from __future__ import annotations

from freehold.app.cli import main

main()
