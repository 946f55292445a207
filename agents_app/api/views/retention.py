"""Archived runs, and erasing what runs hold of a person."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import EraseUser, ErasureShape, Nothing
from agents_app.api.filters import ArchivedRunFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.selectors.archives import ArchivedRunShape, archived_run_as_dict, visible_archived_runs
from agents_app.selectors.shapes import RunShape
from agents_app.services import erase_user, restore_run


class ArchivedRuns(ApiList):
    """The archived runs that one may know of."""

    filterset_class = ArchivedRunFilter

    @operation(
        "archived_runs_list",
        "List archived runs",
        answer=page_of(ArchivedRunShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """Your own; others' too with the permission agents_app.view_agentcontext. The newest first."""
        rows = visible_archived_runs(request.user).select_related("archive", "session")
        return self.page(rows, archived_run_as_dict)


class RestoreRun(ApiView):
    """Bring an archived run back."""

    @operation("archived_runs_restore", "Restore a run", body=Nothing, answer=RunShape, path=["run_id"], errors=[404])
    def post(self, request: Any, run_id: str) -> Response:
        """To be read, until it is archived again. Needs the permission agents_app.control_run."""
        body_of(request.data, Nothing)
        return once(request, 200, lambda: self.run_as_json(restore_run(run_id, by=request.user).id))


class Erasures(ApiView):
    """Erasing what runs hold of a person."""

    @operation("users_erase", "Erase a person", body=EraseUser, answer=ErasureShape, errors=[409])
    def post(self, request: Any) -> Response:
        """In the database and in archives; the account stays. Needs the permission agents_app.erase_user."""
        body = body_of(request.data, EraseUser)

        def act() -> dict[str, Any]:
            done = erase_user(body.user, by=request.user, reason=body.reason, cancel=body.cancel, dry_run=body.dry_run)
            shape = ErasureShape(
                runs=done.runs,
                archived_runs=done.archived_runs,
                sessions=done.sessions,
                memories=done.memories,
                still_open=list(done.still_open),
            )
            return shape.model_dump(mode="json")

        return once(request, 200, act)
