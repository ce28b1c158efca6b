"""Stage 1, data: sources, cleaning, duplicates and locked splits.

Knows nothing of models. Loads its heavy libraries (numpy, rensa, pyarrow, zstandard) when rows are read.
"""

from freehold.data.collection import collect, fingerprint
from freehold.data.neighbours import find_clusters, find_pairs, jaccard, shingles
from freehold.data.rows import Refused, read_rows
from freehold.data.sources import SOURCES, BadRow, Place, Row, SourceKind, Table

__all__ = [
    "SOURCES",
    "BadRow",
    "Place",
    "Refused",
    "Row",
    "SourceKind",
    "Table",
    "collect",
    "find_clusters",
    "find_pairs",
    "fingerprint",
    "jaccard",
    "read_rows",
    "shingles",
]
