"""A question as it is searched for: cut to what one can search for, without anything that a database would read as
more than words."""

import re
from dataclasses import dataclass

from agents_app.knowledge.compatible import compatible

QUERY_LIMIT = 2_000
"""Characters of a question that are searched for. What comes after is left out, and the search says so."""
MOST_WORDS = 32
LONGEST_WORD = 64

# What stands in nearly every passage, and says nothing about what is looked for.
SAYING_NOTHING = """
a about above after again against all am an and any are as at be because been before being below between both but by can
did do does doing down during each few for from further had has have having he her here hers him his how i if in into is
it its just me more most my no nor not now of off on once only or other our out over own s same she should so some such
t than that the their them then there these they this those through to too under until up very was we were what when
where which while who whom why will with you your
"""
STOP_WORDS = frozenset(SAYING_NOTHING.split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """text: the question, cut. words: its words, each once, in lower case and their compatible form; those that say
    nothing only if there are no others. cut: whether something was left out."""

    text: str
    words: tuple[str, ...]
    cut: bool


def asked(query: str) -> Asked:
    """The question as it is searched for."""
    text = " ".join(query[: 2 * QUERY_LIMIT].replace("\x00", " ").split())
    text = text.encode("utf-8", "replace").decode()  # lone surrogates
    shown = text[:QUERY_LIMIT]
    every = list(dict.fromkeys(word[:LONGEST_WORD] for word in re.findall(r"\w+", compatible(shown).lower())))
    telling = [word for word in every if word not in STOP_WORDS] or every
    cut = len(text) > QUERY_LIMIT or len(query) > 2 * QUERY_LIMIT or len(telling) > MOST_WORDS
    return Asked(text=shown, words=tuple(telling[:MOST_WORDS]), cut=cut)
