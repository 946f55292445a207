"""Rows as text: writing down every table of agents_app, and inserting what another release wrote down."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from tests import office

HERE = Path(__file__).parent
RELEASES = sorted(path.stem for path in HERE.glob("*.json"))
MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_LOOKS_LIKE_ONE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
Tables = dict[str, list[dict[str, Any]]]


def written_down() -> Tables:
    """Every row of every table, with the columns there are now. Run numbers of events are left to the database."""
    return {model._meta.db_table: [_as_text(row) for row in _rows(model)] for model in _models()}


def as_json(tables: Tables) -> str:
    """One line per row."""
    lines = ",\n".join(
        f"{json.dumps(table)}: [\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        for table, rows in tables.items()
    )
    return f'{{"at": "{datetime.now(UTC).strftime(MOMENT)}",\n"tables": {{\n{lines}\n}}}}\n'


def _models() -> Iterable[Any]:
    return apps.get_app_config("agents_app").get_models()


def _rows(model: Any) -> Any:
    return model._base_manager.order_by("pk")


def _as_text(row: models.Model) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if not isinstance(field, models.AutoField)]
    return {field.column: _value(field, getattr(row, field.attname)) for field in fields}


def _value(field: Any, value: Any) -> Any:
    if value is not None and field.column == "subject_type_id":
        return {"contenttype": list(ContentType.objects.get_for_id(value).natural_key())}
    if value is not None and isinstance(field, models.JSONField):
        return json.dumps(value)
    match value:
        case datetime():
            return value.astimezone(UTC).strftime(MOMENT)
        case UUID():
            return value.hex
        case Decimal():
            return str(value)
        case _:
            return value if value is None or isinstance(value, bool | int) else str(value)


def people() -> tuple[Any, Any]:
    """Olga, whose runs they are, and Dora, who may decide. Rows name them by their numbers."""
    permissions = ("decide_approvalrequest", "control_run", "settle_toolcall", "view_agentcontext", "view_transcript")
    dora = office.person("dora", *(f"agents_app.{name}" for name in permissions), id=9002, is_staff=True)
    return office.person("olga", id=9001), dora


def insert(release: str) -> Tables:
    """Insert what this release wrote down as it would have: by its own columns and no others, as if it were now."""
    stored = json.loads((HERE / f"{release}.json").read_text())
    age = datetime.now(UTC) - datetime.strptime(stored["at"], MOMENT).replace(tzinfo=UTC)
    tables = {
        table: [{column: _found(value, age) for column, value in row.items()} for row in rows]
        for table, rows in stored["tables"].items()
    }
    with connection.cursor() as cursor:
        for table, rows in tables.items():
            for row in rows:
                columns = ", ".join(connection.ops.quote_name(column) for column in row)
                places = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))
    return tables


def _found(value: Any, age: timedelta) -> Any:
    if isinstance(value, dict):
        return ContentType.objects.get_by_natural_key(*value["contenttype"]).pk
    if isinstance(value, str) and _LOOKS_LIKE_ONE.fullmatch(value):
        return (datetime.strptime(value, MOMENT).replace(tzinfo=UTC) + age).strftime(MOMENT)
    return value


def read_raw(tables: Tables) -> dict[str, list[tuple[Any, ...]]]:
    """The same columns as they are in the database now."""
    found = {}
    with connection.cursor() as cursor:
        for table, rows in tables.items():
            columns = ", ".join(connection.ops.quote_name(column) for column in (rows[0] if rows else {}))
            cursor.execute(f"SELECT {columns} FROM {table}" if columns else f"SELECT 1 FROM {table}")
            found[table] = sorted(cursor.fetchall(), key=repr)
    return found
