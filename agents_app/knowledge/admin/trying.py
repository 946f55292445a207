"""The search box on the page of a collection: what is found for a question, and why."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from agents_app.exceptions import AgentsError
from agents_app.knowledge.models import Collection
from agents_app.knowledge.search import Hit, search

SHOWN = 10
EXCERPT = 400


def tried(request: HttpRequest, row: Collection) -> dict[str, Any]:
    """What the template shows of the question in the address, with the eyes of whoever asks."""
    query = request.GET.get("query", "")
    if not query.strip():
        return {"query": ""}
    try:
        found = search(query, row.name, user=request.user, top_k=SHOWN, explain=True)
    except AgentsError as error:
        return {"query": query, "refused": error.message}
    ways = {"fused": gettext("words and vectors"), "text": gettext("words"), "vectors": gettext("vectors")}
    return {
        "query": query[:EXCERPT],
        "way": ways.get(found.mode, ""),
        "notes": found.notes,
        "milliseconds": round(found.seconds * 1000),
        "hits": [(hit, hit.text[:EXCERPT], _reasons(hit)) for hit in found],
    }


def _reasons(hit: Hit) -> list[str]:
    """Each a few words."""
    reasons = [gettext("score %(score)s") % {"score": f"{hit.score:.4f}"}]
    if hit.text_rank is not None:
        reasons.append(gettext("by words: place %(rank)s") % {"rank": hit.text_rank})
    if hit.words:
        reasons.append(gettext("words found: %(words)s") % {"words": ", ".join(hit.words)})
    if hit.vector_rank is not None:
        values = {"rank": hit.vector_rank, "cosine": f"{hit.vector_score:.3f}"}
        reasons.append(gettext("by vectors: place %(rank)s, cosine %(cosine)s") % values)
    return reasons
