"""How well what is looked up answers: the questions of tests/knowledge, on all pages of Django's documentation.

Arguments: a folder for the pages, and the dotted path of an embedder.
"""

import sys
import time
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from agents_app.knowledge.models import Chunk
from benchmarks.cases.setup import told
from tests.knowledge.django_pages import pages
from tests.knowledge.quality import MODES, index, make_vectors, measured
from tests.knowledge.questions import release


def main(folder: str, embedder: str) -> None:
    """Print recall and reciprocal rank of each way of searching."""
    every = pages(release(), Path(folder))
    begun = time.perf_counter()
    django = index(every)
    read = time.perf_counter() - begun
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": embedder}):
        make_vectors(django)
        figures = {mode: asdict(measured(mode)) for mode in MODES}
    told(pages=len(every), chunks=Chunk.objects.count(), seconds=read, figures=figures)


if __name__ == "__main__":
    main(*sys.argv[1:])
