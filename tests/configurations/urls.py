"""A project's own views that start a run and decide."""

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

from agents_app.core.status import RunStatus
from agents_app.services import approve, read_run, start_run


def start(request: HttpRequest) -> JsonResponse:
    run = start_run("clerk", "Pay Ada.")
    # Not driven yet: if the request breaks, nothing has happened.
    assert read_run(run.id).status is RunStatus.IDLE
    return JsonResponse({"run": str(run.id), "in_transaction": connection.in_atomic_block})


def broken(request: HttpRequest) -> JsonResponse:
    start_run("clerk", "Pay Ada.")
    raise ValueError("the view broke")


def decide(request: HttpRequest) -> JsonResponse:
    by = get_user_model().objects.get(**{get_user_model().USERNAME_FIELD: request.GET["by"]})
    approve(request.GET["request"], by=by, digest=request.GET["digest"])
    return JsonResponse({})


urlpatterns = [path("start", start), path("broken", broken), path("decide", decide)]
