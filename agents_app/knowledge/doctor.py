"""What `agents_doctor` looks at where this app is installed: the index of words, embedders, what waits and what failed.

The app may be missing, so that the command finds this by its path.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Count, Exists, OuterRef, Sum

from agents_app.conf import conf
from agents_app.exceptions import EmbeddingError
from agents_app.knowledge import vector_index
from agents_app.knowledge.apps import SWEEP
from agents_app.knowledge.indexing import LATE_SECONDS
from agents_app.knowledge.models import Chunk, ChunkVector, Document, DocumentState, SourceChange
from agents_app.knowledge.permissions import there
from agents_app.llm.embedders import embedder_name, named_embedder, problem_of_settings
from agents_app.llm.embeddings import embed
from agents_app.management.console import counted
from agents_app.management.doctor.findings import Finding, broken, examined, ok, warning
from agents_app.models import database_now, seconds_from_now

QUESTION = "How long may something be sent back?"
ASK = "--call-llm asks it for a vector"
FEW = 5_000
"""So many vectors are compared one by one in little time."""
START = "Start a cluster (manage.py agents_cluster); without a queue manage.py agents_ingest does what waits."
TEXT_INDEX = {
    "postgresql": (
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indexrelid = to_regclass('agents_k_chunk_searchable') AND indisvalid",
        ("agents_k_chunk_searchable",),
    ),
    "sqlite": (
        "SELECT name FROM sqlite_master WHERE name LIKE 'agents_knowledge_text%%'",
        ("agents_knowledge_text", *(f"agents_knowledge_text_{name}" for name in ("insert", "delete", "update"))),
    ),
}
"""What tells which parts of the index there are, and those that there must be."""


def examine_knowledge(*, call: bool) -> Iterator[Finding]:
    """All that a search and a new document need. call: ask each embedder for a vector, which may cost a little."""
    for subject, examination in (
        ("knowledge", _shelves),
        ("text index", _text_index),
        ("embedder", partial(_embedders, call=call)),
        ("vectors", _vectors),
        ("vector index", _vector_index),
        ("documents", _documents),
        ("changed rows", _rows),
        ("sweep of knowledge", _sweep),
    ):
        yield from examined(subject, examination)


def _shelves() -> Iterator[Finding]:
    held = _documents_there().aggregate(documents=Count("pk"), passages=Sum("chunk_count"))
    parts = counted(there().count(), "collection"), counted(held["documents"], "document")
    yield ok("knowledge", f"{', '.join(parts)}, {counted(held['passages'] or 0, 'passage')} to be found")


def _text_index() -> Iterator[Finding]:
    connection = connections[conf.DATABASE]
    if connection.vendor not in TEXT_INDEX:
        return
    sql, wanted = TEXT_INDEX[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(sql, [])
        missing = sorted(set(wanted) - {row[0] for row in cursor.fetchall()})
    if missing:
        text = f"What finds passages by their words is not there: {', '.join(missing)}."
        advice = "Make it as the migration agents_knowledge.0005_compatible_forms does, or restore a whole backup."
        yield broken("text index", text, advice)
    else:
        yield ok("text index", "passages are found by their words")


def _embedders(*, call: bool) -> Iterator[Finding]:
    """The configured one, and those whose vectors are searched until its own are all there."""
    if problem := problem_of_settings():
        yield broken("embedder", problem, "Until then full text alone is searched, and no vectors are made.")
        return
    searched = dict(there().exclude(embedder="").order_by().values_list("embedder").annotate(count=Count("pk")))
    if name := embedder_name():
        for each in {name: 0, **searched}:
            yield _embedder(each, searched.get(each, 0), call=call)
    elif searched:
        text = f"None is configured: the vectors of {counted(sum(searched.values()), 'collection')} are not searched."
        yield warning(
            "embedder", text, 'Set AGENTS_APP["EMBEDDER"] for a search by meaning: full text alone is searched.'
        )
    else:
        yield ok("embedder", "none is configured: full text alone is searched")


def _embedder(name: str, collections: int, *, call: bool) -> Finding:
    subject = f"embedder {name}"
    made = ChunkVector.objects.filter(embedder=name).order_by().values_list("dimension", flat=True).distinct()
    sizes = sorted(made)
    used = f"searched in {counted(collections, 'collection')}"
    if len(sizes) > 1:
        lengths = " and ".join(map(str, sizes))
        text = f"{used}: its vectors have {lengths} numbers, and only equally long ones are compared."
        return broken(subject, text, 'Give the embedder another name in AGENTS_APP["EMBEDDER"]: all is embedded anew.')
    used += f", vectors of {sizes[0]} numbers" if sizes else ""
    try:
        embedder = named_embedder(name)
        if not call:
            return ok(subject, f"{used}; {ASK}")
        before = time.monotonic()
        embed([QUESTION], kind="query", dimension=sizes[0] if sizes else None, embedder=embedder)
    except Exception as error:
        advice = 'Is its key set, its address right, its server running? See AGENTS_APP["EMBEDDER"].'
        return broken(subject, f"{used}: {type(error).__name__}: {error}", advice)
    return ok(subject, f"{used}; made one in {time.monotonic() - before:.1f} s")


def _vectors() -> Iterator[Finding]:
    """Those that are not made: their embedder failed, or nobody makes them."""
    try:
        name = embedder_name()
    except EmbeddingError:  # of which is told above
        return
    if not name:
        return
    made = ChunkVector.objects.filter(chunk=OuterRef("pk"), embedder=name)
    waiting = Chunk.objects.current().filter(~Exists(made), collection__in=there()).count()
    late = there().filter(embedding_due_at__lt=seconds_from_now(-LATE_SECONDS))
    if failed := list(there().exclude(embedding_error="").order_by("name")):
        for row in failed:
            advice = (
                "Full text finds what is there. It is asked again by itself; manage.py agents_ingest asks it at once."
            )
            yield warning(f"vectors of {row.name}", row.embedding_reason, advice)
    elif late.exists():
        since = _seconds(late.order_by("embedding_due_at").values_list("embedding_due_at", flat=True))
        text = (
            f"The vectors of {counted(late.count(), 'collection')} are due and not made, the oldest for {since:.0f} s."
        )
        yield warning("vectors", text, START)
    else:
        yield ok("vectors", f"{counted(waiting, 'passage')} {'waits' if waiting == 1 else 'wait'} for theirs")


def _vector_index() -> Iterator[Finding]:
    """pgvector's column, and its index of each dimension."""
    if connections[conf.DATABASE].vendor != "postgresql":
        return
    if vector_index.has_column() and (missing := vector_index.missing()):
        text = (
            f"{counted(missing, 'vector')} {'is' if missing == 1 else 'are'} not in pgvector's column, and not found."
        )
        yield warning("vector index", text, "manage.py agents_knowledge_setup writes them.")
    for size in vector_index.dimensions():
        count = ChunkVector.objects.filter(dimension=size).count()
        if vector_index.has_index(size):
            yield ok("vector index", f"{counted(count, 'vector')} of {size} numbers")
        elif count <= FEW:
            yield ok("vector index", f"none: {counted(count, 'vector')} of {size} numbers, compared one by one")
        else:
            text = f"{count} vectors of {size} numbers are compared one by one."
            yield warning("vector index", text, _advice(size))


def _advice(size: int) -> str:
    if size > vector_index.LARGEST:
        return (
            f"pgvector indexes vectors of at most {vector_index.LARGEST} numbers: ask the embedder for fewer "
            '("dimensions" in AGENTS_APP["EMBEDDER"]).'
        )
    return "manage.py agents_knowledge_setup makes an index; it needs pgvector on the database server."


def _documents() -> Iterator[Finding]:
    """Those that cannot be read, those that are tried again, and those that nobody takes."""
    rows = _documents_there().order_by("pk")
    failed = rows.filter(state=DocumentState.FAILED).order_by("collection__name").values_list("collection__name")
    counts = dict(failed.annotate(count=Count("pk")))
    if counts:
        shelves = ", ".join(f"{name} ({count})" for name, count in counts.items())
        text = f"{counted(sum(counts.values()), 'document')} cannot be read, in {shelves}."
        yield warning("documents", text, "Their pages in the admin, and manage.py agents_ingest --collection, say why.")
    again = rows.exclude(state=DocumentState.FAILED).exclude(error="").defer("text")
    if first := again.first():
        text = f"{counted(again.count(), 'document')} could not be read yet, the first {first.key}: {first.reason}"
        yield warning("documents", text, "It is tried again by itself, a few times. Is their storage there?")
    if late := _not_taken("documents", rows, "document"):
        yield late
    elif not counts and not first:
        waiting = rows.filter(due_at__isnull=False).count()
        yield ok("documents", f"{counted(waiting, 'document')} {'waits' if waiting == 1 else 'wait'} to be read")


def _rows() -> Iterator[Finding]:
    """Changed rows of sources that were not accepted, or that nobody takes."""
    refused = SourceChange.objects.exclude(error="").order_by("pk")
    if first := refused.first():
        text = f"{counted(refused.count(), 'changed row')} could not be accepted, the first {first}: {first.reason}"
        yield warning("changed rows", text, "Mend that: each is tried again by itself, within an hour.")
    if late := _not_taken("changed rows", SourceChange.objects.all(), "changed row"):
        yield late


def _sweep() -> Iterator[Finding]:
    if conf.EXECUTOR != "django_q2" or not apps.is_installed("django_q"):
        return
    if not apps.get_model("django_q", "Schedule")._default_manager.filter(func=SWEEP).exists():
        text = "It is not scheduled: a document whose hint is lost waits until somebody looks."
        yield warning("sweep of knowledge", text, f"manage.py migrate schedules {SWEEP} every minute.")


def _not_taken(subject: str, rows: Any, what: str) -> Finding | None:
    """That some of the rows are due for long; None if none is."""
    late = rows.filter(due_at__lt=seconds_from_now(-LATE_SECONDS))
    count = late.count()
    if not count:
        return None
    since = _seconds(late.order_by("due_at").values_list("due_at", flat=True))
    are = "is" if count == 1 else "are"
    text = f"{counted(count, what)} {are} due and not taken, the oldest for {since:.0f} s."
    return warning(subject, text, START)


def _documents_there() -> Any:
    return Document.objects.filter(collection__removed_at__isnull=True)


def _seconds(moments: Any) -> float:
    """How long ago the first of them was; 0 if it has just been dealt with."""
    since = moments.first()
    return 0.0 if since is None else (database_now() - since).total_seconds()
