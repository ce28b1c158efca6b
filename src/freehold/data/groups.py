"""Which rows stay together besides near duplicates: pieces of one text, and what the task's rules keep together.

Owns the names of groups, and joining clusters that share one. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from freehold.task import DataRules, Example, Passport, name_unit

__all__ = ["join_groups", "name_group", "rank_times"]


def name_group(passport: Passport, rules: DataRules) -> str:
    """Returns the group that a row belongs to; empty where it belongs to none."""
    if rules.group == "source":
        return f"source {passport.source}"
    return name_unit(passport, by_author=rules.by_author)


def join_groups(clusters: Mapping[str, str], groups: Mapping[str, str]) -> dict[str, str]:
    """Returns each example's block: clusters that share a group, and their groups, and so on, are one.

    Args:
        clusters: Example id to cluster.
        groups: Example id to group; empty where it belongs to none.

    Returns:
        Example id to block, which is named as the smallest of its clusters.
    """
    parents = {cluster: cluster for cluster in clusters.values()}

    def root(cluster: str) -> str:
        while parents[cluster] != cluster:
            parents[cluster] = parents[parents[cluster]]
            cluster = parents[cluster]
        return cluster

    first: dict[str, str] = {}
    for name, cluster in clusters.items():
        if groups[name]:
            low, high = sorted((root(cluster), root(first.setdefault(groups[name], cluster))))
            parents[high] = low
    return {name: root(cluster) for name, cluster in clusters.items()}


def rank_times(examples: Mapping[str, Example], blocks: Mapping[str, str]) -> dict[str, float]:
    """Returns block to its place in time, above 0 for the newest and 1 for those that have no time."""
    newest = dict.fromkeys(sorted(set(blocks.values())), "")
    for name, block in blocks.items():
        newest[block] = max(newest[block], examples[name].passport.time)
    timed = sorted((block for block in newest if newest[block]), key=lambda block: (newest[block], block))
    places = {block: 1 - (rank + 0.5) / len(timed) for rank, block in enumerate(timed)}
    return {block: places.get(block, 1.0) for block in newest}
