"""Stage 1, data: sources, cleaning, duplicates and locked splits.

Knows nothing of models. Loads its heavy libraries (numpy, rensa, pyarrow, zstandard) when rows are read.
"""

from freehold.data.collection import collect, find_kept, fingerprint
from freehold.data.likeness import Likeness
from freehold.data.neighbours import find_clusters, find_pairs, jaccard, shingles
from freehold.data.rows import Refused, read_rows
from freehold.data.sources import SOURCES, BadRow, Place, Row, SourceKind, Table
from freehold.data.websites import Fetching, fetch_sites

__all__ = [
    "SOURCES",
    "BadRow",
    "Fetching",
    "Likeness",
    "Place",
    "Refused",
    "Row",
    "SourceKind",
    "Table",
    "collect",
    "fetch_sites",
    "find_clusters",
    "find_kept",
    "find_pairs",
    "fingerprint",
    "jaccard",
    "read_rows",
    "shingles",
]
