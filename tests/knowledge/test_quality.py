"""How well the search answers what people ask: 76 questions of all pages of Django's documentation.

The figures are printed, and docs/explanation/retrieval.md shows them: `scripts/test --long tests/knowledge -s`. With a
real embedder: `scripts/bench retrieval --real`.
"""

import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from agents_app.knowledge.models import Chunk
from tests.knowledge.django_pages import Page
from tests.knowledge.quality import MODES, index, make_vectors, measured

EMBEDDER = "agents_app.testing.embedder.HashingEmbedder"
RECALL, RECALL_OF_HARD = 0.75, 0.55


@pytest.mark.long
@pytest.mark.timeout(1200)  # about a minute; more on a machine with other work
@pytest.mark.django_db
def test_full_text_finds_the_page_that_answers(
    django_pages: list[Page], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    given = {"LIVE": "poll", "KNOWLEDGE_FOLDER": str(tmp_path)}
    with override_settings(AGENTS_APP=given):
        django = index(django_pages)
    assert len(django_pages) > 600
    with override_settings(AGENTS_APP={**given, "EMBEDDER": EMBEDDER}):
        make_vectors(django)
        indexed = time.monotonic() - began
        figures = {mode: measured(mode) for mode in MODES}
    chunks = Chunk.objects.count()
    lines = [f"{connection.vendor}: {len(django_pages)} pages, {chunks} chunks, indexed in {indexed:.1f} s"]
    lines += [f"  {mode:8} {each}" for mode, each in figures.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert figures["text"].recall >= RECALL
    assert figures["text"].recall_of_hard >= RECALL_OF_HARD
    # The test embedder compares spelling: fused with it, nothing of what the words find may be lost.
    assert figures["fused"].recall >= figures["vectors"].recall
