"""Promise 2, of what is looked up: a run is told nothing that its user may not see."""

from agents_app.knowledge.search import search
from tests.knowledge.shelf import collection, shelve
from tests.promises.mutants import mutant
from tests.promises.stage import Stage

SECRET = "The margin is forty percent."


def test_nobody_is_told_what_they_may_not_see(stage: Stage) -> None:
    shelve(collection("open"), [("care", "Care", "A margin of air is good for lamps.")])
    shelve(collection("closed", public=False), [("secret", "Margins", SECRET)])
    found = search("margin percent", ["open", "closed"], user=None)
    assert [hit.key for hit in found] == ["care"]


def test_a_version_that_is_not_shown_is_not_found(stage: Stage) -> None:
    [chunk] = shelve(collection("open"), [("care", "Care", SECRET)])
    type(chunk).objects.filter(pk=chunk.pk).update(version=2)
    assert search("margin percent", "open", user=None).hits == ()


SCOPE = "agents_app.knowledge.search.scope:"
MUTANTS = [
    mutant(
        "a search forgets whose eyes it has",
        test_nobody_is_told_what_they_may_not_see,
        f"{SCOPE}seen_among",
        "sight_of(user)",
        "Sight.EVERYTHING",
    ),
    mutant(
        "a search looks into all collections",
        test_nobody_is_told_what_they_may_not_see,
        f"{SCOPE}scope_of",
        "collections=seen.sql",
        'collections=f"SELECT id FROM agents_knowledge_collection UNION SELECT f.id FROM ({seen.sql}) f"',
    ),
]
