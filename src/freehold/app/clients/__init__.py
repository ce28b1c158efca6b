"""Clients of a served task, written for a language: one file each, typed with the task's own labels."""

from freehold.app.clients.subject import Subject
from freehold.app.clients.writing import Language, file_name, is_generated, usage, write_client

__all__ = ["Language", "Subject", "file_name", "is_generated", "usage", "write_client"]
