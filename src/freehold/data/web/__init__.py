"""The web as a source: a polite crawler whose archive can be read again offline.

Knows nothing of rows and tasks.
"""

__all__: list[str] = []
