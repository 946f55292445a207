"""What agents may look up: collections of documents that people put there. An app of its own.

What acts is loaded when it is asked for, since apps name this package before Django's registry is ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents_app.knowledge.ingesting import Ingested, ingest
    from agents_app.knowledge.sources import register_source

__all__ = ["Ingested", "ingest", "register_source"]

_HOMES = {"ingest": "ingesting", "Ingested": "ingesting", "register_source": "sources"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
