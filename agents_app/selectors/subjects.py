"""The team's own objects that runs are about, named as `app.model:key`."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.utils.translation import gettext

from agents_app.exceptions import InvalidInput


def split_subject(text: str) -> tuple[ContentType, str]:
    """The kind of object and the key in `app.model:key`. Raises InvalidInput."""
    place, colon, key = text.partition(":")
    label, dot, model = place.partition(".")
    if not (colon and dot and key):
        raise InvalidInput(gettext("An object is named as app.model:key."), code="unknown_subject")
    try:
        return ContentType.objects.get_by_natural_key(label, model.lower()), key
    except ObjectDoesNotExist as error:
        raise InvalidInput(
            gettext("There is no kind of object %(kind)s.") % {"kind": place}, code="unknown_subject"
        ) from error


def subject_for(user: Any, text: str) -> Model:
    """The object of this name, for a run that this person starts: they must be allowed to view it.

    Raises InvalidInput, with the same words for what is not there and for what they may not see.
    """
    kind, key = split_subject(text)
    model = kind.model_class()
    found = None if model is None else _find(model, key)
    permission = f"{kind.app_label}.view_{kind.model}"
    if found is None or not (user.has_perm(permission) or user.has_perm(permission, found)):
        raise InvalidInput(
            gettext("There is no %(what)s, or you may not see it.") % {"what": text}, code="unknown_subject"
        )
    return found


def _find(model: type[Model], key: str) -> Model | None:
    try:
        return model._default_manager.filter(pk=key).first()
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
