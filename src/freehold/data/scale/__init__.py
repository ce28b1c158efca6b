"""Near duplicates at scale: millions of texts from Parquet to Parquet, and what one set has of another.

For the few thousand rows of a task `freehold.data.find_clusters` compares letters; here words are compared, and
nothing needs to fit into memory. Loads numpy and pyarrow when it is used, Daft and Ray when they are asked for.
"""

from freehold.data.scale.benchmarks import Benchmark, read_benchmark
from freehold.data.scale.clusters import Clusters
from freehold.data.scale.deduplication import Means, Progress, Report, deduplicate
from freehold.data.scale.keeping import Keep
from freehold.data.scale.leaks import KINDS, Leak, LeakCount, Leaks, find_leaks
from freehold.data.scale.memory import find_near
from freehold.data.scale.scheme import Scheme

__all__ = [
    "KINDS",
    "Benchmark",
    "Clusters",
    "Keep",
    "Leak",
    "LeakCount",
    "Leaks",
    "Means",
    "Progress",
    "Report",
    "Scheme",
    "deduplicate",
    "find_leaks",
    "find_near",
    "read_benchmark",
]
