"""What agents remember: one's own, and of others with the permission."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from agents_app.api.bodies import WithReason
from agents_app.api.errors import ErrorShape
from agents_app.api.filters import EntityFilter, FactFilter
from agents_app.api.memory_bodies import AddEntity, AddFact, CorrectEntity, CorrectFact, MergeEntity
from agents_app.api.openapi import ERRORS, MEANINGS, PAGING, TAG, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.live.portions import download
from agents_app.selectors.memory import (
    EntityShape,
    FactShape,
    MemoryChangeShape,
    change_as_dict,
    entity_as_dict,
    fact_as_dict,
    history_of,
    may_view_memory,
    visible_entities,
    visible_facts,
)
from agents_app.selectors.runs import one_of
from agents_app.services import (
    correct_entity,
    correct_fact,
    export_memory,
    forget_entity,
    forget_fact,
    merge_entities,
    remember_entity,
    remember_fact,
)

WHOSE = OpenApiParameter("user", str, description="The name of the user; your own memory if it is left out.")
EXPORTED = {"type": "object", "additionalProperties": True}

# Answers to commands are not stored for a repeated request: erasing the person must reach all of their words.


class History(ApiList):
    """What was done to something that is remembered."""

    def history(self, rows: Any, key: str) -> Response:
        """Of the row of this key among these."""
        whole = may_view_memory(self.request.user)
        return self.page(history_of(one_of(rows, key)), lambda change: change_as_dict(change, whole=whole))


class Facts(ApiList):
    """The facts that one may know of."""

    filterset_class = FactFilter

    @operation("facts_list", "List facts", answer=page_of(FactShape), errors=[400], parameters=PAGING, filters=True)
    def get(self, request: Any) -> Response:
        """Your own; those of others with agents_app.view_memory. The newest first, also those that count no more."""
        return self.page(visible_facts(request.user), fact_as_dict)

    @operation(
        "facts_add",
        "Add a fact",
        body=AddFact,
        answer=FactShape,
        status=201,
        errors=[404, 409],
        idempotent=False,
        example={"text": "Prefers e-mail.", "key": "contact_channel", "user": "ada"},
    )
    def post(self, request: Any) -> Response:
        """What is known already is confirmed; another fact of the same key is superseded. Of others it takes
        agents_app.change_memory, and then counts as true; what people say of themselves is quoted to LLMs as data."""
        given = body_of(request.data, AddFact).model_dump()
        return Response(fact_as_dict(remember_fact(by=request.user, **given)), status=201)


class OneFact(ApiView):
    """One fact."""

    @operation("facts_read", "Read a fact", answer=FactShape, path=["fact_id"], errors=[404])
    def get(self, request: Any, fact_id: str) -> Response:
        """With who wrote it, and in which step of which run."""
        return Response(fact_as_dict(one_of(visible_facts(request.user), fact_id)))


class FactHistory(History):
    """What was done to one fact."""

    @operation(
        "facts_history",
        "List the changes of a fact",
        answer=page_of(MemoryChangeShape),
        path=["fact_id"],
        errors=[400, 404],
        parameters=PAGING,
    )
    def get(self, request: Any, fact_id: str) -> Response:
        """Who, when, by which step of which run, and what it was before. The newest first."""
        return self.history(visible_facts(request.user), fact_id)


class CorrectOneFact(ApiView):
    """Put what is right in its place."""

    @operation(
        "facts_correct",
        "Correct a fact",
        body=CorrectFact,
        answer=FactShape,
        path=["fact_id"],
        errors=[404, 409],
        idempotent=False,
        example={"text": "Prefers to be called.", "reason": "She wrote so."},
    )
    def post(self, request: Any, fact_id: str) -> Response:
        """The new fact; the old one is kept as superseded. Others' need agents_app.change_memory, as do the staff's."""
        body = body_of(request.data, CorrectFact)
        return Response(fact_as_dict(correct_fact(fact_id, by=request.user, reason=body.reason, **body.values())))


class ForgetOneFact(ApiView):
    """Let it count no more."""

    @operation(
        "facts_forget",
        "Forget a fact",
        body=WithReason,
        answer=FactShape,
        path=["fact_id"],
        errors=[404, 409],
        idempotent=False,
    )
    def post(self, request: Any, fact_id: str) -> Response:
        """No run is told of it any more. Others' need agents_app.change_memory, as do those that staff wrote."""
        reason = body_of(request.data, WithReason).reason
        return Response(fact_as_dict(forget_fact(fact_id, by=request.user, reason=reason)))


class Entities(ApiList):
    """The entities that one may know of."""

    filterset_class = EntityFilter

    @operation(
        "entities_list", "List entities", answer=page_of(EntityShape), errors=[400], parameters=PAGING, filters=True
    )
    def get(self, request: Any) -> Response:
        """Your own; those of others with agents_app.view_memory. The newest first, also those that count no more."""
        return self.page(visible_entities(request.user), entity_as_dict)

    @operation(
        "entities_add",
        "Add an entity",
        body=AddEntity,
        answer=EntityShape,
        status=201,
        errors=[404, 409],
        idempotent=False,
        example={"type": "dog", "name": "Rex", "attributes": {"age": 4}, "user": "ada"},
    )
    def post(self, request: Any) -> Response:
        """One of this type that is known by the name or an alias gets what is new. Of others it takes
        agents_app.change_memory, and a new one then counts as true; what people say of themselves is quoted to LLMs as
        data."""
        given = body_of(request.data, AddEntity).model_dump()
        return Response(entity_as_dict(remember_entity(by=request.user, **given)), status=201)


class OneEntity(ApiView):
    """One entity."""

    @operation("entities_read", "Read an entity", answer=EntityShape, path=["entity_id"], errors=[404])
    def get(self, request: Any, entity_id: str) -> Response:
        """With its other names, who wrote it, and in which step of which run."""
        return Response(entity_as_dict(one_of(visible_entities(request.user), entity_id)))


class EntityHistory(History):
    """What was done to one entity."""

    @operation(
        "entities_history",
        "List the changes of an entity",
        answer=page_of(MemoryChangeShape),
        path=["entity_id"],
        errors=[400, 404],
        parameters=PAGING,
    )
    def get(self, request: Any, entity_id: str) -> Response:
        """Who, when, by which step of which run, and what it was before. The newest first."""
        return self.history(visible_entities(request.user), entity_id)


class CorrectOneEntity(ApiView):
    """Change what is known of it."""

    @operation(
        "entities_correct",
        "Correct an entity",
        body=CorrectEntity,
        answer=EntityShape,
        path=["entity_id"],
        errors=[404, 409],
        idempotent=False,
        example={"attributes": {"age": 4}, "aliases": ["Old Rex"], "reason": "She wrote so."},
    )
    def post(self, request: Any, entity_id: str) -> Response:
        """Attributes and aliases are replaced as a whole. Others' need agents_app.change_memory, as do the staff's."""
        body = body_of(request.data, CorrectEntity)
        row = correct_entity(entity_id, by=request.user, reason=body.reason, **body.values())
        return Response(entity_as_dict(row))


class MergeOneEntity(ApiView):
    """Say that it is the same as another one."""

    @operation(
        "entities_merge",
        "Merge an entity into another",
        body=MergeEntity,
        answer=EntityShape,
        path=["entity_id"],
        errors=[404, 409],
        idempotent=False,
    )
    def post(self, request: Any, entity_id: str) -> Response:
        """The one that stays, with the names of both and what the other one knew besides. They must be of one type,
        and of one user. Others' need agents_app.change_memory, as do the staff's."""
        body = body_of(request.data, MergeEntity)
        return Response(entity_as_dict(merge_entities(entity_id, body.into, by=request.user)))


class ForgetOneEntity(ApiView):
    """Let it count no more."""

    @operation(
        "entities_forget",
        "Forget an entity",
        body=WithReason,
        answer=EntityShape,
        path=["entity_id"],
        errors=[404, 409],
        idempotent=False,
    )
    def post(self, request: Any, entity_id: str) -> Response:
        """No run is told of it any more. Others' need agents_app.change_memory, as do those that staff wrote."""
        reason = body_of(request.data, WithReason).reason
        return Response(entity_as_dict(forget_entity(entity_id, by=request.user, reason=reason)))


class ExportMemory(ApiView):
    """All that is kept of a person."""

    @extend_schema(
        operation_id="memory_export",
        summary="Export all that is kept of a person",
        tags=[TAG],
        parameters=[WHOSE],
        responses={
            200: EXPORTED,
            **{code: OpenApiResponse(ErrorShape, MEANINGS[code], [ERRORS[code]]) for code in (400, 401, 403, 429)},
        },
    )
    def get(self, request: Any) -> HttpResponseBase:
        """Facts, entities, working memories, their history, and what was said in runs, in the database and in archives.

        That of others needs agents_app.view_memory and agents_app.view_transcript.
        """
        pieces = export_memory(request.query_params.get("user"), by=request.user)
        return download(request._request, pieces, name="memory", format="json")
