"""Pages: what people read in a browser, the same from the command line and from a server.

Owns the frame and the pictures of every page, and the page of a task's data with what is known of it. It loads
nothing but the standard library; all but the frame when it is first asked for: a server starts without pictures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from freehold.pages.layout import html_list, html_pair, html_table, lay_out, moment, policy

if TYPE_CHECKING:
    from freehold.pages.data_page import write_data_page
    from freehold.pages.drawings import draw_cost, draw_funnel, draw_reliability, draw_risk_coverage, draw_shares
    from freehold.pages.funnel import Step
    from freehold.pages.inventory import Earlier, Inventory, find_earlier, list_releases, take, take_release
    from freehold.pages.review_page import (
        Reviewing,
        review_policy,
        review_script,
        write_review_page,
        write_signin_page,
    )
    from freehold.pages.tables import Table, tabulate

__all__ = [
    "Earlier",
    "Inventory",
    "Reviewing",
    "Step",
    "Table",
    "draw_cost",
    "draw_funnel",
    "draw_reliability",
    "draw_risk_coverage",
    "draw_shares",
    "find_earlier",
    "html_list",
    "html_pair",
    "html_table",
    "lay_out",
    "list_releases",
    "moment",
    "policy",
    "review_policy",
    "review_script",
    "take",
    "take_release",
    "tabulate",
    "write_data_page",
    "write_review_page",
    "write_signin_page",
]

_HOMES = {
    "data_page": ("write_data_page",),
    "drawings": ("draw_cost", "draw_funnel", "draw_reliability", "draw_risk_coverage", "draw_shares"),
    "funnel": ("Step",),
    "inventory": ("Earlier", "Inventory", "find_earlier", "list_releases", "take", "take_release"),
    "review_page": ("Reviewing", "review_policy", "review_script", "write_review_page", "write_signin_page"),
    "tables": ("Table", "tabulate"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"freehold.pages.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
