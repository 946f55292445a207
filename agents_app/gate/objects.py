"""Permissions on objects: `has_perm(permission, object)`, which packages like django-guardian or rules answer.

The objects are those that the call's arguments refer to (`Ref`), of the permission's own app; where there are none, the
run's subject. A permission that a person has in general counts for every object.
"""

import logging
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldError, ValidationError

from agents_app.definitions.markers import Ref
from agents_app.definitions.registry import tool_now
from agents_app.models import ApprovalRequest
from agents_app.selectors.transcript import arguments_of

logger = logging.getLogger("agents_app.gate")

MOST_OBJECTS = 50


def has_permission(user: Any, permission: str, request: ApprovalRequest) -> bool:
    """Whether the person has it, in general or on every object that the call is about."""
    if user.has_perm(permission):
        return True
    if all(backend.startswith("django.contrib.auth.") for backend in settings.AUTHENTICATION_BACKENDS):
        return False  # these know of no objects
    objects = objects_of(request, permission.partition(".")[0])
    try:
        return bool(objects) and all(user.has_perm(permission, each) for each in objects)
    except Exception:
        # A backend of the project's: whatever is wrong with it, the doubt is ours.
        logger.exception("has_perm of %s raised", permission, extra={"run_id": request.context_id})
        return False


def objects_of(request: ApprovalRequest, app_label: str) -> list[Any]:
    """The objects of this app that the call is about; none if one of them is not there."""
    referred = list(_referred(request, app_label))
    if not referred:
        subject = request.context.details.subject
        referred = [subject] if subject is not None and subject._meta.app_label == app_label else []
    return [] if None in referred or len(referred) > MOST_OBJECTS else referred


def _referred(request: ApprovalRequest, app_label: str) -> Iterator[Any]:
    tool = tool_now(request.context.agent, request.call.tool)
    arguments = arguments_of(request.call, sensitive=True) if tool is not None and tool.markers else None
    if tool is None or not isinstance(arguments, dict):
        return
    for name, markers in tool.markers.items():
        for marker in markers:
            if isinstance(marker, Ref) and marker.model.partition(".")[0] == app_label:
                value = arguments.get(name)
                for each in value if isinstance(value, list) else [value]:
                    if each is not None:
                        yield _find(marker, each)


def _find(marker: Ref, value: Any) -> Any:
    try:
        return apps.get_model(marker.model)._base_manager.filter(**{marker.field: value}).first()
    except (LookupError, FieldError, ValueError, TypeError, OverflowError, ValidationError):
        return None
