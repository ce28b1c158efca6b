"""Stage 6: answers over HTTP. Starlette, uvicorn and Ray are loaded when a server is wanted, not before."""

from freehold.serve.explanations import Explainer
from freehold.serve.front import create_app, serve
from freehold.serve.readers import OpenReader, Reader, Served
from freehold.serve.replicas import REPLICAS, serve_replicas
from freehold.serve.settings import Settings
from freehold.serve.trials import Trial, try_upstreams

__all__ = [
    "Explainer",
    "OpenReader",
    "REPLICAS",
    "Reader",
    "Served",
    "Settings",
    "Trial",
    "create_app",
    "serve",
    "serve_replicas",
    "try_upstreams",
]
