"""Spends more compute at answer time over an engine. Its place in the house is kept; it has no parts yet."""

__all__: list[str] = []
