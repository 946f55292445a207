"""The guards of knowledge, each taken out: what would come of it is noticed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.core import failpoints
from agents_app.knowledge import indexing, ingest
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Chunk
from agents_app.knowledge.permissions import visible_collections
from tests.promises.mutants import Mutant, mutant

pytestmark = pytest.mark.django_db
PARTS = "\n\n".join(f"# Chapter {number}\n\n" + "Some words. " * 9_000 for number in range(5))


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> Iterator[None]:
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        make_collection("shelf")
        yield
        failpoints.listen(None)


def nothing_is_half_visible() -> None:
    """Between two parts of a document nothing of it is found."""
    seen: list[int] = []

    def look(name: str, about: object) -> None:
        if name == "document.part_stored":
            seen.append(Chunk.objects.current().count())

    failpoints.listen(look)
    assert indexing.read_document(ingest("shelf", PARTS, key="a.md").document.pk)
    assert len(seen) > 1
    assert set(seen) == {0}


def one_worker_reads_a_document() -> None:
    """Who comes while another reads leaves it alone."""
    document = ingest("shelf", "Words.", key="a.md").document
    second: list[bool] = []

    def meanwhile(name: str, about: object) -> None:
        if name == "document.begun" and not second:
            second.append(True)
            second[0] = indexing.read_document(document.pk)

    failpoints.listen(meanwhile)
    indexing.read_document(document.pk)
    assert second == [False]


def a_run_without_a_user_sees_what_is_public() -> None:
    """And no more."""
    assert not visible_collections(None).exists()


MUTANTS = [
    mutant(
        "chunks of every version are found",
        nothing_is_half_visible,
        "agents_app.knowledge.models.chunk:ChunkQuerySet.current",
        'version=F("document__version")',
        "version__gt=0",
    ),
    mutant(
        "a document is taken from its reader",
        one_worker_reads_a_document,
        "agents_app.knowledge.indexing:_claim",
        "due_documents()",
        "Document.objects",
    ),
    mutant(
        "nobody sees everything",
        a_run_without_a_user_sees_what_is_public,
        "agents_app.knowledge.permissions:seen_with",
        "there().filter(public=True)",
        "there()",
    ),
]


@pytest.mark.parametrize("check", [each.check for each in MUTANTS], ids=[each.name for each in MUTANTS])
def test_the_guard_holds(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("broken", MUTANTS, ids=[each.name for each in MUTANTS])
def test_without_the_guard_it_is_noticed(broken: Mutant) -> None:
    with broken.applied(), pytest.raises(AssertionError):
        broken.check()
