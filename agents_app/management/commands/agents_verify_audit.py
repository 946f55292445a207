"""manage.py agents_verify_audit"""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.tables import as_it_was
from agents_app.exceptions import BrokenArchive, InvalidInput
from agents_app.management.base import AgentsCommand
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.models import AgentContext, Archive, ArchivedRun
from agents_app.models.archive import ArchiveState
from agents_app.models.fields import first_uuid7
from agents_app.selectors.anchors import verify_anchors
from agents_app.selectors.audit import chained_since, verify_entry, verify_runs
from agents_app.selectors.chains import Finding, Problem
from agents_app.selectors.moments import moment
from agents_app.selectors.runs import one_of
from agents_app.services import archive_files


class Command(AgentsCommand):
    help = (
        "Verify the hash chains of runs: that no event, decision, approval request, tool call or answer was changed, "
        "added or removed behind the app's back; and the daily anchors, that no run was removed. Names the first thing "
        "of each run that does not fit, and then fails."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", help="The id of one run. Default: all, and the anchors.")
        parser.add_argument(
            "--since", metavar="MOMENT", help="Only runs that were accepted since (2026-12-31T08:00), and no anchors."
        )
        parser.add_argument("--archives", action="store_true", help="Read all archives, too: runs that were moved out.")
        parser.add_argument(
            "--anchors",
            metavar="FILE",
            help="Compare with anchors kept elsewhere: what `agents_export_audit --what anchors` wrote.",
        )
        parser.add_argument(
            "--gaps-until",
            metavar="MOMENT",
            help="Events without a link are accepted before this moment: until when workers of the release without "
            "the chain ran beside newer ones. Default: when this database was migrated.",
        )

    def act(self, **options: Any) -> Exit | None:
        narrowed = bool(options["run"] or options["since"])
        if narrowed and (options["anchors"] or options["archives"]):
            raise InvalidInput("--anchors and --archives are about all runs: leave out RUN and --since.")
        copies = _copies(options["anchors"]) if options["anchors"] else None
        until = moment(options["gaps_until"], "--gaps-until") if options["gaps_until"] else chained_since()
        self._tally = _Tally(one=bool(options["run"]), json=options["json"])
        for run in verify_runs(self._chosen(options), until=until):
            self._take("runs", run)
        if options["archives"]:
            for stored in self._archived(until):
                self._take("archived", stored)
        if not narrowed:
            for anchor in verify_anchors(copies):
                self._take("anchors", anchor, one=anchor is None or anchor.run is None)
        self._sum_up(narrowed, options["archives"])
        return Exit.FAILED if self._tally.broken else None

    def _chosen(self, options: dict[str, Any]) -> Any:
        runs = AgentContext.objects.all()
        if options["run"]:
            runs = runs.filter(pk=one_of(runs, options["run"]).pk)
        if options["since"]:
            runs = runs.filter(pk__gte=first_uuid7(moment(options["since"], "--since")))
        return runs

    def _archived(self, until: datetime | None) -> Iterator[Finding | None]:
        complete = Archive.objects.filter(state=ArchiveState.COMPLETE)
        for archive in complete.order_by("pk").iterator(chunk_size=100):
            found = list(_in_archive(archive, until))
            if complete.filter(pk=archive.pk).exists():  # else another took its place meanwhile
                yield from found

    def _take(self, what: str, found: Finding | None, *, one: bool = True) -> None:
        tally = self._tally
        tally.counts[what] += one
        if found is None:
            return
        tally.broken, tally.unchained = tally.broken + found.broken, tally.unchained + (not found.broken)
        if tally.json:
            run = None if found.run is None else str(found.run)
            tally.findings.append({"run": run, "problem": found.problem, "row": found.row, "message": found.message})
        elif found.broken or tally.one:
            place = f"{found.row}: {found.message}"
            self.console.line(place if found.run is None else f"{found.run}: {place}")

    def _sum_up(self, narrowed: bool, archives: bool) -> None:
        tally = self._tally
        if tally.json:
            counts = {name: tally.counts[name] for name in ("runs", "archived", "anchors")}
            self.print_json(
                {**counts, "broken": tally.broken, "unchained": tally.unchained, "findings": tally.findings}
            )
            return
        old = f", {tally.unchained} in part from a release without the chain" if tally.unchained else ""
        fits = f"{tally.broken} broken" if tally.broken else "all fit"
        more = f", {counted(tally.counts['archived'], 'archived run')}" if archives else ""
        more += "" if narrowed else f", {counted(tally.counts['anchors'], 'anchor')}"
        self.console.line(f"{counted(tally.counts['runs'], 'run')}{more} verified: {fits}{old}.")


@dataclass(kw_only=True)
class _Tally:
    """What was found so far. one: it is about one run, so that more is said of it."""

    one: bool
    json: bool
    broken: int = 0
    unchained: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)


def _in_archive(archive: Archive, until: datetime | None) -> Iterator[Finding | None]:
    entries = {entry.pk: entry for entry in ArchivedRun.objects.filter(archive=archive)}
    try:
        for run in archive_files.read(archive):
            yield verify_entry(run, entries.pop(run.id, None), until=until)
    except (BrokenArchive, OSError) as error:
        text = f"It cannot be read: {error}"
        yield Finding(run=None, problem=Problem.CHANGED, row=f"archive {archive.name}", message=text)
        return
    for entry in entries.values():
        text = f"It is not in {archive.name}."
        yield Finding(run=entry.pk, problem=Problem.MISSING, row=f"archived run {entry.pk}", message=text)


def _copies(name: str) -> dict[int, str]:
    """Seals by number. Raises InvalidInput."""
    try:
        text = Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The anchors cannot be read: {error}") from None
    try:
        rows = json.loads(text) if text.lstrip()[:1] in ("[", "{") else list(csv.DictReader(text.splitlines()))
        if not rows:
            raise ValueError("empty")
        return {int(row["number"]): as_it_was(str(row["seal"])) for row in rows}
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(f"{name} holds no anchors: give number and seal, as CSV or JSON.") from None
