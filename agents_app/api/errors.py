"""Every error of the API in one shape: {"error": {"code", "message", "details"}}, with codes that stay."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext, gettext_lazy
from pydantic import BaseModel, Field
from rest_framework import exceptions
from rest_framework.response import Response

from agents_app.exceptions import (
    AgentsError,
)

logger = logging.getLogger("agents_app.api")

CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "invalid_json",
    exceptions.ValidationError: "invalid_input",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.PermissionDenied: "not_permitted",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}
"""Our codes for the framework's errors."""


class BodyTooLarge(exceptions.APIException):
    """The request's body is larger than this API reads."""

    status_code = 413
    default_code = "too_large"
    default_detail = gettext_lazy("The request's body is too large.")


class ErrorContent(BaseModel):
    """`code` is stable, `message` is for people, `details` depend on the code."""

    code: str
    message: str
    details: dict[str, Any] = Field(description='Where it is about a body: {"errors": [{"path", "message"}]}.')


class ErrorShape(BaseModel):
    """Every answer with a status of 400 and above."""

    error: ErrorContent


def answer_to(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler of this API."""
    if isinstance(error, AgentsError):
        return _ours(error, context)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = BodyTooLarge()
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    return _unexpected(error, context)


def _ours(error: AgentsError, context: dict[str, Any]) -> Response:
    if error.http_status == 500:
        _report(error, context)
    return error_response(error.http_status, error.code, gettext(error.message), error.details)


def _framework(error: exceptions.APIException) -> Response:
    code = next((code for kind, code in CODES.items() if type(error) is kind), error.default_code)
    message, details = str(error.default_detail), {}
    if isinstance(error, exceptions.ValidationError):
        message, details = gettext("What was sent cannot be used."), {"errors": list(_flat(error.detail, []))}
    elif isinstance(error.detail, str):
        message = str(error.detail)
    if code == "not_permitted" and message.startswith("CSRF"):
        code = "csrf_failed"
    response = error_response(error.status_code, code, message, details)
    if getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, exceptions.Throttled):
        response["Retry-After"] = str(int(getattr(error, "wait", None) or 0) + 1)
    return response


def _unexpected(error: Exception, context: dict[str, Any]) -> Response:
    _report(error, context)
    if isinstance(error, OperationalError | InterfaceError):
        text = gettext("The database is not available right now; try again.")
        response = error_response(503, "unavailable", text, {})
        response["Retry-After"] = "5"
        return response
    return error_response(500, "server_error", gettext("Something went wrong here; it has been logged."), {})


def _report(error: Exception, context: dict[str, Any]) -> None:
    """What Django does for an exception that leaves a view: the log, and the signal that error trackers hear."""
    request = context.get("request")
    logger.error("%s in the API", type(error).__name__, exc_info=error)
    got_request_exception.send(sender=None, request=getattr(request, "_request", request))


def _flat(detail: Any, path: list[str | int]) -> Any:
    """DRF's nested errors as [{"path", "message"}]."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flat(inner, [*path, str(name)])
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, path)
    else:
        yield {"path": path, "message": str(detail)}


def error_response(status: int, code: str, message: str, details: dict[str, Any]) -> Response:
    """An answer in the one shape."""
    return Response({"error": {"code": code, "message": message, "details": details}}, status=status)
