"""What the database's driver can do."""

from functools import cache

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string


def takes_several(connection: BaseDatabaseWrapper) -> bool:
    """Whether one message may have several statements, each with an outcome of its own (`cursor.nextset()`).

    psycopg 3 does, unless it binds parameters on the server: then each statement is a message of its own.
    """
    if connection.vendor != "postgresql":
        return False
    return is_psycopg3() and not connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")


@cache
def is_psycopg3() -> bool:
    """Whether Django's PostgreSQL backend works with psycopg 3; psycopg2 tells of the last statement alone."""
    return bool(import_string("django.db.backends.postgresql.psycopg_any.is_psycopg3"))
