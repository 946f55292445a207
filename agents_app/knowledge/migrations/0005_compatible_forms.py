"""Words are indexed in their compatible form (NFKC). What is there is indexed anew: a minute or so for 100,000 passages,
in which PostgreSQL locks the table."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from agents_app.knowledge.compatible import teach

INDEX = "CREATE INDEX agents_k_chunk_searchable ON agents_knowledge_chunk USING gin (searchable)"
COLUMN = """
ALTER TABLE agents_knowledge_chunk ADD COLUMN searchable tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.english', {heading}), 'A') ||
    setweight(to_tsvector('pg_catalog.english', {text}), 'D')
) STORED
"""
NO_COLUMN = "ALTER TABLE agents_knowledge_chunk DROP COLUMN searchable"
POSTGRESQL = (NO_COLUMN, COLUMN.format(heading="normalize(heading, NFKC)", text="normalize(text, NFKC)"), INDEX)
NOT_POSTGRESQL = (NO_COLUMN, COLUMN.format(heading="heading", text="text"), INDEX)

# What FTS5 takes for the texts must be what was indexed: it reads them again to rebuild, and to mark what was found.
VIEW = """
CREATE VIEW agents_knowledge_compatible AS
SELECT id, agents_nfkc(heading) AS heading, agents_nfkc(text) AS text FROM agents_knowledge_chunk
"""
NO_VIEW = "DROP VIEW agents_knowledge_compatible"
TABLE = """
CREATE VIRTUAL TABLE agents_knowledge_text USING fts5(
    heading, text, content='{content}', content_rowid='id', tokenize="porter unicode61 remove_diacritics 2"
)
"""
NO_TABLE = "DROP TABLE agents_knowledge_text"
REBUILD = "INSERT INTO agents_knowledge_text (agents_knowledge_text) VALUES ('rebuild')"
DELETE = """
INSERT INTO agents_knowledge_text (agents_knowledge_text, rowid, heading, text)
VALUES ('delete', old.id, {of}(old.heading), {of}(old.text));
"""
INSERT = """
INSERT INTO agents_knowledge_text (rowid, heading, text) VALUES (new.id, {of}(new.heading), {of}(new.text));
"""
TRIGGERS = {
    "insert": ("AFTER INSERT", INSERT),
    "delete": ("AFTER DELETE", DELETE),
    "update": ("AFTER UPDATE OF id, heading, text", DELETE + INSERT),
}
NO_TRIGGERS = tuple(f"DROP TRIGGER agents_knowledge_text_{name}" for name in TRIGGERS)


def _triggers(of: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER agents_knowledge_text_{name} {when} ON agents_knowledge_chunk BEGIN {act.format(of=of)} END"
        for name, (when, act) in TRIGGERS.items()
    )


SQLITE = (
    *NO_TRIGGERS,
    NO_TABLE,
    VIEW,
    TABLE.format(content="agents_knowledge_compatible"),
    *_triggers("agents_nfkc"),
    REBUILD,
)
NOT_SQLITE = (
    *NO_TRIGGERS,
    NO_TABLE,
    NO_VIEW,
    TABLE.format(content="agents_knowledge_chunk"),
    *_triggers(""),
    REBUILD,
)


def _run(statements: Sequence[str], schema_editor: Any) -> None:
    teach(schema_editor.connection)
    with schema_editor.connection.cursor() as cursor:  # not by execute(): no percent sign or backslash is meant
        for statement in statements:
            cursor.execute(statement)


def forward(apps: Any, schema_editor: Any) -> None:
    _run({"postgresql": POSTGRESQL, "sqlite": SQLITE}.get(schema_editor.connection.vendor, ()), schema_editor)


def backward(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    _run({"postgresql": NOT_POSTGRESQL, "sqlite": NOT_SQLITE}.get(vendor, ()), schema_editor)


class Migration(migrations.Migration):
    dependencies = [("agents_knowledge", "0004_reasons")]

    operations = [migrations.RunPython(forward, backward)]
