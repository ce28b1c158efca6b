"""The faces of the line. Everything that prints lives here."""

__all__: list[str] = []
