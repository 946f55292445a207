"""The files of a directory, as documents."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files import File

from agents_app.exceptions import AgentsError, InvalidInput
from agents_app.knowledge.ingesting import Ingested, Outcome, ingest, remove, require
from agents_app.knowledge.models import Collection, Document
from agents_app.knowledge.permissions import ADD
from agents_app.knowledge.reading import KINDS

SOURCE = "directory"


@dataclass(kw_only=True, slots=True)
class Walk:
    """What came of the files. refused: those that were not accepted, with the reason; left_out: of other kinds."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    refused: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def files_of(path: Path) -> list[tuple[str, Path]]:
    """The files at or below this path with their keys, in the order of their names; what is hidden is left out, and
    links that lead out of it. Raises InvalidInput if there is none."""
    root = path.resolve()
    if root.is_file():
        return [(root.name, root)]
    found = [
        (each.relative_to(root).as_posix(), each)
        for each in sorted(root.rglob("*"))
        if each.is_file()
        and each.resolve().is_relative_to(root)
        and not any(part.startswith(".") for part in each.relative_to(root).parts)
    ]
    if not found:
        raise InvalidInput(f"There are no files in {path}.", code="no_files")
    return found


def accept_files(
    collection: Collection, files: list[tuple[str, Path]], *, prefix: str, metadata: dict[str, Any], by: Any
) -> Iterator[tuple[str, Walk]]:
    """Accept each file, unless it is unchanged, and say before each which one it is. The queue is not told.

    Raises NotPermitted before the first."""
    require(by, ADD, collection)
    walk = Walk()
    for name, path in files:
        yield name, walk
        key = f"{prefix}{name}"
        if path.suffix.lower() not in KINDS:
            walk.left_out.append(name)
            continue
        walk.keys.add(key)
        try:
            walk.counts[_accepted(collection, key, path, metadata, by).outcome] += 1
        except (AgentsError, OSError) as error:
            walk.refused[name] = getattr(error, "message", str(error))
    yield "", walk


def vanished(collection: Collection, prefix: str, keys: set[str]) -> list[Document]:
    """The documents whose files were there before, and are not among these keys any more."""
    rows = Document.objects.filter(collection=collection, source=SOURCE, key__startswith=prefix).order_by("key")
    return [row for row in rows.defer("text") if row.key not in keys]


def prune(rows: list[Document], by: Any) -> None:
    """Take these documents out."""
    for row in rows:
        remove(row, by=by)


def _accepted(collection: Collection, key: str, path: Path, metadata: dict[str, Any], by: Any) -> Ingested:
    with path.open("rb") as file:
        return ingest(
            collection, File(file, name=str(path)), key=key, metadata=metadata, source=SOURCE, by=by, hint=False
        )
