"""Alembic's environment: the numbered steps that the database's tables went through."""
