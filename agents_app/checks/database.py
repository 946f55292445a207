"""What the database itself says of its durability. Asked where databases may be: `migrate`, `check --database …`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Info, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections
from django.db.utils import Error as DatabaseError

from agents_app.conf import conf
from agents_app.selectors.durability import keeps_locks_of_the_vanished, weaknesses


@register(Tags.database)
def check_durability(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The alias of AGENTS_APP["DATABASE"], if it is one of those to be asked."""
    if conf.DATABASE not in (databases or ()) or conf.DATABASE not in connections:
        return []
    try:
        return [*_messages(), *_vanished()]
    except DatabaseError:
        return []  # it is away, which whoever needs it says


def _vanished() -> Iterator[CheckMessage]:
    if keeps_locks_of_the_vanished(connections[conf.DATABASE]):
        text = f"The database “{conf.DATABASE}” never ends a transaction whose host has vanished: its run stays locked."
        hint = "Let idle_in_transaction_session_timeout be a minute, for the database or for the role of the workers."
        yield Info(text, hint=hint, id="agents_app.I104")


def _messages() -> Iterator[CheckMessage]:
    for weakness in weaknesses(connections[conf.DATABASE]):
        where = f"The database “{conf.DATABASE}”: {weakness.what}"
        if weakness.corrupts:
            text = f"{where}: when the machine stops all rows may be lost, not only the last."
            yield CheckWarning(text, hint=f"Use {weakness.instead}.", id="agents_app.W105")
        else:
            text = f"{where}: committed rows are lost when the machine stops: an accepted run, or the record of a call."
            yield CheckWarning(text, hint=f"Use {weakness.instead}.", id="agents_app.W104")
