"""Looking things up: by words, by vectors, or both, among what a person may see. `search` is the door to it."""

from agents_app.knowledge.search.found import Found, Hit
from agents_app.knowledge.search.searching import search

__all__ = ["Found", "Hit", "search"]
