"""The full text index, which each database has in its own way; no extension is needed."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

POSTGRESQL = (
    """
    ALTER TABLE agents_knowledge_chunk ADD COLUMN searchable tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.english', heading), 'A') ||
        setweight(to_tsvector('pg_catalog.english', text), 'D')
    ) STORED
    """,
    "CREATE INDEX agents_k_chunk_searchable ON agents_knowledge_chunk USING gin (searchable)",
)
NOT_POSTGRESQL = ("ALTER TABLE agents_knowledge_chunk DROP COLUMN searchable",)

# External content: the words are indexed here, the texts stay where they are.
SQLITE = (
    """
    CREATE VIRTUAL TABLE agents_knowledge_text USING fts5(
        heading, text, content='agents_knowledge_chunk', content_rowid='id',
        tokenize="porter unicode61 remove_diacritics 2"
    )
    """,
    """
    CREATE TRIGGER agents_knowledge_text_insert AFTER INSERT ON agents_knowledge_chunk BEGIN
        INSERT INTO agents_knowledge_text (rowid, heading, text) VALUES (new.id, new.heading, new.text);
    END
    """,
    """
    CREATE TRIGGER agents_knowledge_text_delete AFTER DELETE ON agents_knowledge_chunk BEGIN
        INSERT INTO agents_knowledge_text (agents_knowledge_text, rowid, heading, text)
        VALUES ('delete', old.id, old.heading, old.text);
    END
    """,
    """
    CREATE TRIGGER agents_knowledge_text_update AFTER UPDATE OF id, heading, text ON agents_knowledge_chunk BEGIN
        INSERT INTO agents_knowledge_text (agents_knowledge_text, rowid, heading, text)
        VALUES ('delete', old.id, old.heading, old.text);
        INSERT INTO agents_knowledge_text (rowid, heading, text) VALUES (new.id, new.heading, new.text);
    END
    """,
    "INSERT INTO agents_knowledge_text (agents_knowledge_text) VALUES ('rebuild')",
)
NOT_SQLITE = (
    "DROP TRIGGER agents_knowledge_text_update",
    "DROP TRIGGER agents_knowledge_text_delete",
    "DROP TRIGGER agents_knowledge_text_insert",
    "DROP TABLE agents_knowledge_text",
)


def _run(statements: Sequence[str], schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:  # not by execute(): no percent sign or backslash is meant
        for statement in statements:
            cursor.execute(statement)


def forward(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    _run({"postgresql": POSTGRESQL, "sqlite": SQLITE}.get(vendor, ()), schema_editor)


def backward(apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    _run({"postgresql": NOT_POSTGRESQL, "sqlite": NOT_SQLITE}.get(vendor, ()), schema_editor)


class Migration(migrations.Migration):
    dependencies = [("agents_knowledge", "0001_initial")]

    operations = [migrations.RunPython(forward, backward)]
