"""Stage 6: answers over HTTP. Starlette and uvicorn are loaded when a server is wanted, not before."""

from freehold.serve.explanations import Explainer
from freehold.serve.front import create_app, serve
from freehold.serve.readers import OpenReader, Reader, Served
from freehold.serve.settings import Settings
from freehold.serve.trials import Trial, try_upstreams

__all__ = [
    "Explainer",
    "OpenReader",
    "Reader",
    "Served",
    "Settings",
    "Trial",
    "create_app",
    "serve",
    "try_upstreams",
]
