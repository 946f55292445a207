"""manage.py agents_ingest"""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents_app.exceptions import InvalidInput
from agents_app.knowledge import hints
from agents_app.knowledge.directories import Walk, accept_files, files_of, prune, vanished
from agents_app.knowledge.embedding import ask_again, due_collections, embed_collection
from agents_app.knowledge.indexing import due_documents, read_document
from agents_app.knowledge.ingesting import Outcome, collection_named, make_collection, read_again
from agents_app.knowledge.models import Collection, Document, DocumentState, SourceChange
from agents_app.knowledge.removing import clear, removed
from agents_app.knowledge.sources import Source, keep_all, keep_changed, source_named, sources
from agents_app.llm.embeddings import embedder_name
from agents_app.management.base import AgentsCommand, add_as, json_value, person
from agents_app.management.clock import Clock
from agents_app.management.console import counted
from agents_app.management.exits import Exit

BAR = 20
WITHOUT_END = 10.0**9
INTERRUPTED = 128 + signal.SIGINT
STOPPED = "Stopped. What was accepted and read is kept: the same command goes on from there."


class Command(AgentsCommand):
    help = (
        "Put the files of a directory into a collection: text, Markdown, HTML and PDF. Files that have not changed are "
        "skipped, so it may be stopped and repeated at any time; one that cannot be read says why and stops nothing. "
        "Without a PATH what waits is done: changed rows of sources accepted, documents read, vectors made, removed "
        "collections deleted; in all collections, if none is named."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", metavar="PATH", help="A directory, or one file.")
        parser.add_argument("--collection", metavar="NAME", help="Where they are put.")
        parser.add_argument("--create", action="store_true", help="Make the collection if it is not there.")
        parser.add_argument("--source", metavar="APP.MODEL", help="Instead of a PATH: all rows of a registered model.")
        parser.add_argument("--prefix", default="", help="Put before each path to make its key: keeps trees apart.")
        parser.add_argument("--metadata", default="{}", metavar="JSON", help="An object that all of them get.")
        parser.add_argument("--prune", action="store_true", help="Take out the documents whose files are gone.")
        parser.add_argument("--again", action="store_true", help="Read all documents of the collection again.")
        parser.add_argument("--queue", action="store_true", help="Only accept them; the queue's workers read them.")
        text = "Do what waits every so many seconds until SIGTERM or Ctrl-C, where no queue does it."
        parser.add_argument("--every", type=float, metavar="SECONDS", help=text)
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        try:
            return self._act(**options)
        except KeyboardInterrupt:
            raise CommandError(STOPPED, returncode=INTERRUPTED) from None

    def _act(self, **options: Any) -> Exit | None:
        by = person(options["as_user"])
        if options["collection"] is None:
            return self._all(**options)
        if options["every"] is not None:
            raise InvalidInput("--every does what waits in all collections: leave the others out.")
        collection = self._collection(options["collection"], options["create"], by)
        metadata = json_value(options["metadata"], "--metadata")
        if not isinstance(metadata, dict):
            raise InvalidInput("--metadata takes a JSON object.")
        walk, gone = Walk(), []
        if options["path"]:
            path = Path(options["path"])
            if not path.exists():
                raise InvalidInput(f"There is no {path}.", code="no_files")
            walk = self._accept(collection, path, options["prefix"], metadata, by)
            gone = [] if path.is_file() else vanished(collection, options["prefix"], walk.keys)
            if options["prune"]:
                prune(gone, by)
        if options["source"]:
            walk = self._keep(source_named(options["source"]), by)
        if options["again"]:
            for row in Document.objects.filter(collection=collection).defer("text"):
                read_again(row, by=by, hint=False)
        self._work_now(collection, queue=options["queue"])
        return self._tell(collection, walk, gone, pruned=options["prune"], as_json=options["json"])

    def _all(self, **options: Any) -> Exit | None:
        for name in ("path", "source", "create", "prune", "again"):
            if options[name]:
                raise InvalidInput("Say with --collection NAME which collection is meant.")
        if options["as_user"] is not None:
            raise InvalidInput("What waits is done for nobody in particular: leave --as out.")
        if (every := options["every"]) is None:
            self._work_now(None, queue=options["queue"])
            return self._tell_all(as_json=options["json"])
        if options["json"] or not every > 0:
            raise InvalidInput("--every is a number above 0, without --json.")
        Clock(every, lambda: self._work(None, queue=options["queue"])).run()
        return None

    def _collection(self, name: str, create: bool, by: Any) -> Collection:
        if create and not Collection.objects.filter(name=name).exists():
            return make_collection(name, by=by)
        return collection_named(name, by)

    def _accept(self, collection: Collection, path: Path, prefix: str, metadata: dict[str, Any], by: Any) -> Walk:
        files = files_of(path)
        walk = Walk()
        accepted = accept_files(collection, files, prefix=prefix, metadata=metadata, by=by)
        for number, (name, walk) in enumerate(accepted):  # noqa: B007 - the last one counts
            self.console.progress(f"{bar(number, len(files))} accepting {name}")
        return walk

    def _keep(self, source: Source, by: Any) -> Walk:
        walk = Walk()
        for number, outcome in enumerate(keep_all(source, by), start=1):
            self.console.progress(f"{number} rows of {source.label}")
            if outcome is not None:
                walk.counts[outcome] += 1
        return walk

    def _work_now(self, collection: Collection | None, *, queue: bool) -> None:
        """The same for who stands by: an embedder that failed is asked at once, and not when the queue would."""
        if not queue:
            ask_again(collection)
        self._work(collection, queue=queue)

    def _work(self, collection: Collection | None, *, queue: bool) -> None:
        """Do what waits: in this collection, or in all."""
        if queue:
            for pk in due_documents(collection).values_list("pk", flat=True):
                hints.send(hints.READ, pk)
            return
        for source in sources():
            if collection is None or source.collection == collection.name:
                self.console.progress(f"rows of {source.label}")
                keep_changed(source, seconds=WITHOUT_END)
        ids = list(due_documents(collection).values_list("pk", flat=True))
        for number, pk in enumerate(ids):
            row = Document.objects.only("key").filter(pk=pk).first()
            self.console.progress(f"{bar(number, len(ids))} reading {row.key if row else ''}")
            read_document(pk, seconds=WITHOUT_END)
        for pk in due_collections():
            if collection is None or pk == collection.pk:
                self.console.progress("making vectors")
                embed_collection(pk, seconds=WITHOUT_END)
        for pk in removed() if collection is None else []:
            self.console.progress("deleting a removed collection")
            clear(pk, seconds=WITHOUT_END)

    def _tell_all(self, *, as_json: bool) -> Exit | None:
        """What is left: documents, rows of sources, removed collections."""
        left = {
            "documents": Document.objects.filter(due_at__isnull=False).count(),
            "rows": SourceChange.objects.count(),
            "removed": len(removed()),
        }
        if as_json:
            self.print_json({"waiting": left})
            return None
        if not any(left.values()):
            self.console.line("Nothing waits.")
        for noun, count in left.items():
            what = {"documents": "document", "rows": "changed row", "removed": "removed collection"}[noun]
            if count:
                self.console.line(f"{counted(count, what)} still to be done.")
        for change in SourceChange.objects.exclude(error="").order_by("pk")[:10]:
            self.console.text(f"{change}: {change.reason}", style="ERROR")
        for row in Collection.objects.filter(removed_at__isnull=True).order_by("name"):
            self._tell_vectors(row)
        return None

    def _tell_vectors(self, row: Collection) -> None:
        if error := _vectors_error(row):
            self.console.text(f"The vectors of {row.name} could not be made yet: {error}", style="ERROR")
            self.console.line("Full text finds what is there. The same command asks the embedder again at once.")

    def _tell(
        self, collection: Collection, walk: Walk, gone: list[Document], *, pruned: bool, as_json: bool
    ) -> Exit | None:
        rows = Document.objects.filter(collection=collection)
        unreadable = rows.filter(state=DocumentState.FAILED).order_by("key")
        failed = list(unreadable.only("key", "error", "error_values", "error_code"))
        waiting = rows.filter(state__in=[DocumentState.WAITING, DocumentState.READING]).count()
        collection.refresh_from_db()
        code = Exit.FAILED if failed or walk.refused or _vectors_error(collection) else None
        if as_json:
            self.print_json(
                {
                    **{str(outcome): count for outcome, count in walk.counts.items()},
                    "left_out": walk.left_out,
                    "refused": walk.refused,
                    "gone": [row.key for row in gone],
                    "pruned": pruned,
                    "failed": {row.key: {"code": row.error_code, "message": row.reason} for row in failed},
                    "vectors_error": _vectors_error(collection),
                    "waiting": waiting,
                    "ready": rows.filter(state=DocumentState.READY).count(),
                }
            )
            return code
        new = ", ".join(f"{walk.counts[each]} {each}" for each in Outcome)
        self.console.line(f"{counted(rows.count(), 'document')} in {collection.name}: {new}.")
        if walk.left_out:
            self.console.text(f"Left out, since their kind is not read: {_few(walk.left_out)}")
        for name, why in walk.refused.items():
            self.console.text(f"{name}: {why}", style="ERROR")
        for row in failed:
            self.console.text(f"{row.key}: {row.reason} ({row.error_code})", style="ERROR")
        self._tell_vectors(collection)
        if gone:
            what = "Removed, since their files are gone" if pruned else "Their files are gone; --prune removes them"
            self.console.text(f"{what}: {_few([row.key for row in gone])}", style="" if pruned else "WARNING")
        if waiting:
            self.console.line(f"{counted(waiting, 'document')} still to be read.")
        return code


def _vectors_error(row: Collection) -> str:
    """What the embedder said when it failed; empty where all is well, or where there is none."""
    return row.embedding_reason if embedder_name() else ""


def bar(done: int, of: int) -> str:
    """`[#####...............]  25 of 100`"""
    full = BAR * done // max(of, 1)
    return f"[{'#' * full}{'.' * (BAR - full)}] {done} of {of}"


def _few(names: list[str], limit: int = 10) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
