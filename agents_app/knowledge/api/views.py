"""Collections and their documents. `path("api/knowledge/", include("agents_app.knowledge.urls"))`."""

import json
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from agents_app.api.bodies import Nothing
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import StrictJSONParser, body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.conf import conf
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.knowledge.api.bodies import (
    AddedShape,
    AddText,
    CollectionShape,
    DocumentShape,
    FoundShape,
    Search,
    collection_as_dict,
    document_as_dict,
    found_as_dict,
)
from agents_app.knowledge.ingesting import Outcome, collection_named, ingest, read_again, remove
from agents_app.knowledge.models import Collection, Document, DocumentState
from agents_app.knowledge.permissions import VIEW, may, visible_collections, visible_documents
from agents_app.knowledge.reading.parts import too_large
from agents_app.knowledge.search import search
from agents_app.selectors.runs import one_of

FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "key": {"type": "string", "description": "The name of the file if it is left out."},
        "title": {"type": "string"},
        "mime": {"type": "string"},
        "metadata": {"type": "string", "description": "A JSON object."},
    },
    "required": ["file"],
}
FORM_BYTES = 100_000
"""What a form may have besides its file."""
STATE = OpenApiParameter("state", str, enum=list(DocumentState))
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH)


class KnowledgeList(ApiList):
    """A list without filters of its own."""

    filter_backends: Any = []


class Collections(KnowledgeList):
    """The collections that one sees."""

    @operation(
        "knowledge_collections", "List collections", answer=page_of(CollectionShape), errors=[400], parameters=PAGING
    )
    def get(self, request: Any) -> Response:
        """The newest first."""
        return self.page(visible_collections(request.user), collection_as_dict)

    def get_queryset(self) -> Any:
        return Collection.objects.none()


class Documents(KnowledgeList):
    """The documents of a collection."""

    parser_classes = [StrictJSONParser, MultiPartParser]

    def get_queryset(self) -> Any:
        return Document.objects.none()

    @operation(
        "knowledge_documents",
        "List documents",
        answer=page_of(DocumentShape),
        errors=[400, 404],
        parameters=[NAME, STATE, *PAGING],
    )
    def get(self, request: Any, name: str) -> Response:
        """The newest first; `?state=failed` narrows it."""
        rows = visible_documents(request.user).filter(collection=collection_named(name, request.user))
        if state := request.query_params.get("state"):
            if state not in list(DocumentState):
                raise InvalidInput(gettext("A state is one of: %(choices)s.") % {"choices": ", ".join(DocumentState)})
            rows = rows.filter(state=state)
        return self.page(rows.select_related("collection").defer("text"), document_as_dict)

    @extend_schema(request={"application/json": AddText, "multipart/form-data": FORM})
    @operation(
        "knowledge_documents_add",
        "Add a document",
        body=AddText,
        answer=AddedShape,
        status=202,
        errors=[404],
        parameters=[NAME],
        example={"key": "returns", "text": "Within 30 days."},
    )
    def post(self, request: Any, name: str) -> Response:
        """Add a document, or another content of one: a text as JSON, or a `file` in a form. It is read soon.

        A form is answered with 201 for a new one, 202 for another content, 200 for the same as before; JSON always with
        202, and `outcome` tells. Needs agents_knowledge.add_document.
        """
        said = int(request.META.get("CONTENT_LENGTH") or 0)
        if request.content_type.startswith("multipart/") and said > conf.KNOWLEDGE_BYTES + FORM_BYTES:
            raise too_large(said)  # before any of it is read
        if request.FILES or not isinstance(request.data, dict) or hasattr(request.data, "getlist"):
            return self._added(name, **_of_form(request))
        values = body_of(request.data, AddText).model_dump()
        content = values.pop("text")
        # The same key and content again is the same document: an idempotency key adds the answer.
        return once(request, 202, lambda: self._added(name, content=content, **values).data)

    def _added(self, name: str, **values: Any) -> Response:
        done = ingest(name, values.pop("content"), source="rest", by=self.request.user, **values)
        status = {Outcome.ADDED: 201, Outcome.CHANGED: 202, Outcome.UNCHANGED: 200}[done.outcome]
        return Response({**document_as_dict(done.document), "outcome": str(done.outcome)}, status=status)


class OneDocument(ApiView):
    """A document that one sees."""

    def row(self, document_id: str) -> Document:
        """Raises NotFound."""
        rows = visible_documents(self.request.user).select_related("collection").defer("text")
        row: Document = one_of(rows, document_id)
        return row


class ReadDocument(OneDocument):
    """One document."""

    @operation("knowledge_documents_read", "Read a document", answer=DocumentShape, errors=[404], path=["document_id"])
    def get(self, request: Any, document_id: str) -> Response:
        """How far it has been read, and why it cannot be."""
        return Response(document_as_dict(self.row(document_id)))


class ReadAgain(OneDocument):
    """Read it again."""

    @operation(
        "knowledge_documents_read_again",
        "Read a document again",
        body=Nothing,
        answer=DocumentShape,
        status=202,
        errors=[404, 409],
        path=["document_id"],
    )
    def post(self, request: Any, document_id: str) -> Response:
        """From its beginning; what is found until then stays. Needs agents_knowledge.change_document."""
        return once(request, 202, lambda: document_as_dict(read_again(self.row(document_id), by=request.user)))


class Remove(OneDocument):
    """Take it out."""

    @operation(
        "knowledge_documents_remove",
        "Take a document out",
        body=Nothing,
        answer=DocumentShape,
        status=200,
        errors=[404, 409],
        path=["document_id"],
    )
    def post(self, request: Any, document_id: str) -> Response:
        """With its chunks, at once. Needs agents_knowledge.delete_document."""

        def act() -> dict[str, Any]:
            row = self.row(document_id)
            shown = document_as_dict(row)
            remove(row, by=request.user)
            return shown

        return once(request, 200, act)


class LookUp(ApiView):
    """Look something up."""

    @operation(
        "knowledge_search",
        "Search",
        body=Search,
        answer=FoundShape,
        errors=[404],
        idempotent=False,
        example={"query": "How long may a lamp be sent back?", "collections": ["handbook"]},
    )
    def post(self, request: Any) -> Response:
        """Passages of these collections that answer the question, of what you may see. It changes nothing."""
        body = body_of(request.data, Search)
        rows = [collection_named(name, request.user) for name in dict.fromkeys(body.collections)]
        if body.explain and not all(may(request.user, VIEW, row) for row in rows):
            text = gettext("Why something is found is told with the permission %(permission)s.")
            raise NotPermitted(text % {"permission": VIEW})
        found = search(
            body.query,
            [row.name for row in rows],
            user=request.user,
            top_k=body.top_k,
            mode=body.mode,
            filters=body.filters,
            explain=body.explain,
        )
        return Response(found_as_dict(found, explain=body.explain))


def _of_form(request: Any) -> dict[str, Any]:
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput(gettext("A form needs a “file”."))
    if unknown := sorted(set(request.data) - {"file", "key", "title", "mime", "metadata"}):
        raise InvalidInput(gettext("A form has no %(names)s.") % {"names": ", ".join(unknown)})
    try:
        metadata = json.loads(request.data.get("metadata") or "{}")
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise InvalidInput(gettext("The metadata must be a JSON object."))
    return {
        "content": file,
        "key": request.data.get("key") or file.name,
        "title": request.data.get("title", ""),
        "mime": request.data.get("mime") or file.content_type or "",
        "metadata": metadata,
    }
