"""Freehold: own your models."""

__version__ = "0.1.0"
