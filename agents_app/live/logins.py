"""Whether somebody who watches for a long time may still do so."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.db.models import Model


def session_of(user: Any, session: Any) -> str | None:
    """The key of the session by which this user is logged in; None if the login came otherwise."""
    if session is None or session.get(SESSION_KEY) != str(user.pk):
        return None
    return session.session_key or None


def read_again(user: Any, session_key: str | None) -> Any:
    """The user as of now, with the permissions of now; None if the login is over or the account is closed.

    session_key: of the session that the login rests on; None if it does not rest on one.
    """
    if session_key is not None:
        store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
        now: Any = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]  # looks at nothing else
        return now if now.pk == user.pk and now.is_active else None
    return active_user(user.pk) if isinstance(user, Model) else user


def active_user(pk: Any) -> Any:
    """The active user of this key; None if there is none."""
    user = get_user_model()._default_manager.filter(pk=pk).first()
    return user if user is not None and user.is_active else None
