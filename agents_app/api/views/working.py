"""The working memories of sessions: small documents that are written by naming the version they were made from."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import WithReason
from agents_app.api.memory_bodies import UpdateWorking
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.pagination import ByKey
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.api.views.memory import History
from agents_app.selectors.memory import MemoryChangeShape, WorkingMemoryShape, visible_working_memories, working_as_dict
from agents_app.selectors.runs import one_of
from agents_app.services import forget_working_memory, update_working_memory


class WorkingMemories(ApiList):
    """The working memories that one may know of."""

    pagination_class = ByKey

    @operation(
        "working_list",
        "List working memories",
        answer=page_of(WorkingMemoryShape),
        errors=[400],
        parameters=PAGING,
    )
    def get(self, request: Any) -> Response:
        """Those of your sessions; of others' with agents_app.view_memory. The newest session first."""
        return self.page(visible_working_memories(request.user), working_as_dict)


class OneWorkingMemory(ApiView):
    """That of one session."""

    @operation("working_read", "Read a working memory", answer=WorkingMemoryShape, path=["session_id"], errors=[404])
    def get(self, request: Any, session_id: str) -> Response:
        """With its version. A session that has none is a 404."""
        return Response(working_as_dict(one_of(visible_working_memories(request.user), session_id)))


class UpdateWorkingMemory(ApiView):
    """Replace it, or change members of it."""

    @operation(
        "working_update",
        "Write a working memory",
        body=UpdateWorking,
        answer=WorkingMemoryShape,
        path=["session_id"],
        errors=[404, 409],
        idempotent=False,
        example={"document": {"city": "Bern"}, "version": 3, "reason": "She moved."},
    )
    def post(self, request: Any, session_id: str) -> Response:
        """Names the version that you have read. If it has another one by now nothing is written: `details` of the 409
        hold what is there. It must fit the agent's schema. Others' need agents_app.change_memory."""
        body = body_of(request.data, UpdateWorking)
        row = update_working_memory(
            session_id,
            body.document,
            version=body.version,
            by=request.user,
            whole=not body.merge,
            reason=body.reason,
        )
        return Response(working_as_dict(row))


class ForgetWorkingMemory(ApiView):
    """Empty it."""

    @operation(
        "working_forget",
        "Empty a working memory",
        body=WithReason,
        answer=WorkingMemoryShape,
        path=["session_id"],
        errors=[404, 409],
        idempotent=False,
    )
    def post(self, request: Any, session_id: str) -> Response:
        """Its version grows by one. Others' need agents_app.change_memory."""
        reason = body_of(request.data, WithReason).reason
        return Response(working_as_dict(forget_working_memory(session_id, by=request.user, reason=reason)))


class WorkingHistory(History):
    """What was done to that of one session."""

    @operation(
        "working_history",
        "List the changes of a working memory",
        answer=page_of(MemoryChangeShape),
        path=["session_id"],
        errors=[400, 404],
        parameters=PAGING,
    )
    def get(self, request: Any, session_id: str) -> Response:
        """Who, when, by which step of which run, and what it was before. The newest first."""
        return self.history(visible_working_memories(request.user), session_id)
