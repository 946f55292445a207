"""Collections, a question that is tried, and adding documents: in light and dark, on a screen and on a phone."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from agents_app.knowledge.indexing import read_document
from agents_app.knowledge.ingesting import ingest
from agents_app.knowledge.models import Collection
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path)}


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_question_is_tried_and_files_are_chosen(people: Any, visit: Any, size: str, scheme: str) -> None:
    shelf = Collection.objects.create(name="shelf", title="The shelf", public=True)
    for key, text in {"returns.md": "# Returns\n\nA lamp goes back.", "long.txt": f"lamp {'W' * 900}"}.items():
        read_document(ingest(shelf, text, key=key).document.pk)
    people["lead"].is_superuser = True
    people["lead"].save()
    visitor = visit("lead", size=size, color_scheme=scheme)
    for name, address in {
        "collections": reverse("admin:agents_knowledge_collection_changelist"),
        "documents": reverse("admin:agents_knowledge_document_changelist") + "?q=returns",
        "upload": reverse("admin:agents_knowledge_document_add") + "?collection=shelf",
    }.items():
        visitor.open(address)
        visitor.shoot(f"knowledge-{name}-{size}-{scheme}")
        visitor.assert_accessible()
    page = visitor.page
    page.get_by_role("button", name="Add documents").click()
    page.get_by_text("This field is required.").wait_for()
    page = visitor.open(reverse("admin:agents_knowledge_collection_change", args=[shelf.pk]))
    page.get_by_role("searchbox", name="Question").fill("Does the lamp go back?")
    page.get_by_role("search").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="returns.md").wait_for()
    visitor.shoot(f"knowledge-tried-{size}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
