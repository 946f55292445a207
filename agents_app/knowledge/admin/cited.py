"""The documents that an answer cites, for the page of its run. Reached by its dotted path."""

from collections.abc import Mapping, Sequence

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from agents_app.admin.links import describe
from agents_app.knowledge.models import Chunk
from agents_app.knowledge.permissions import visible_documents


def documents_cited(site: AdminSite, request: HttpRequest, chunks: Sequence[int]) -> Mapping[int, tuple[str, str]]:
    """By the passage, (title, address) of each document that this person may see. Passages of contents that have been
    replaced since are gone."""
    rows = Chunk.objects.filter(pk__in=chunks, document__in=visible_documents(request.user)).select_related("document")
    shown = {row.pk: (row.document.title, describe(site, request, row.document).url) for row in rows.defer("text")}
    return {chunk: (title, url) for chunk, (title, url) in shown.items() if url}
