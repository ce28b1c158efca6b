"""What the OpenAPI document says of the routes that browsers use: pages, their script, signing in.

Owns their shapes in the document; what they mean to a reader stands in docs/http.md.
"""

from __future__ import annotations

from freehold.serve.openapi import TEXT, Schema, page

__all__ = ["browser_paths", "review_page_paths"]


def review_page_paths(name: str) -> Schema:
    """Returns the paths of one task."""
    return {
        f"/review/{name}": {"get": page(f"review_{name}", "The page on which experts judge items.")},
        f"/review/{name}/table": {"get": page(f"review_table_{name}", "Many items at once.")},
    }


def browser_paths() -> Schema:
    """Returns the paths that all tasks share. None of them asks for a key."""
    form = {"type": "object", "properties": {"key": TEXT, "to": TEXT}}
    paths: Schema = {
        "/signin": {
            "get": page("show_signin", "A form that takes a key."),
            "post": page("sign_in", "Begins a session.", form=form),
        },
        "/signout": {"post": page("sign_out", "Ends a session.")},
        "/review.js": {"get": page("review_script", "The script of the page for experts.")},
    }
    paths["/review.js"]["get"]["responses"]["200"]["content"] = {"text/javascript": {"schema": TEXT}}
    for methods in paths.values():
        for operation in methods.values():
            operation["security"] = []
    return paths
