"""The `freehold` command: typer for the words, rich for what is shown. Heavy imports stay in the commands."""

from freehold.app.cli.entry import app, main

__all__ = ["app", "main"]
