"""Erasing what runs hold of a person: in the database, and in archives.

Stopped at any line and repeated it goes on: each run is one transaction, each archive another, and what is done is no
longer the person's.
"""

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRow, StoredRun
from agents_app.core.chain import START
from agents_app.core.events import EventType
from agents_app.exceptions import InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.memory.erasing import erase_memory, memories_of
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentSession,
    Archive,
    ArchivedRun,
    Delegation,
    SessionSummary,
    StandingGrant,
    StoredResponse,
    database_now,
)
from agents_app.models.archive import ArchiveState
from agents_app.models.audited import Rebinding, event_digest, event_link
from agents_app.models.belongings import row_from, values_of
from agents_app.models.erasure import ERASED, KEPT, Person, erased
from agents_app.selectors.people import CONTROL, ERASE, lacking, name_of
from agents_app.services.archiving import delete_runs, remove_doomed
from agents_app.services.key_rotation import rewrite
from agents_app.services.principals import the_person
from agents_app.services.runs import cancel_run, checked_reason
from agents_app.transitions import change
from agents_app.transitions.erasing import erase

logger = logging.getLogger("agents_app.retention")

BATCH = 100
NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """What was erased (or would be). `memories`: facts, entities, working memories, and changes of them. `still_open`:
    runs that were cancelled and have not come to an end yet; repeat it when they have."""

    runs: int = 0
    archived_runs: int = 0
    sessions: int = 0
    memories: int = 0
    still_open: tuple[UUID, ...] = ()


def erase_user(user: Any, *, by: Any, reason: str = "", cancel: bool = False, dry_run: bool = False) -> Erasure:
    """Blank what this person's runs hold: input, answers, transcripts, arguments, results, reasons, names; and delete
    what agents remember of them, with its history and vectors.

    The skeleton stays: events and decisions without words. So do policies, switches and delegations that they made,
    without the name; delegations from and to them end. What the person decided about runs of others stays as it
    is, and so does the account itself. user: the person, or the name of one. cancel: cancel runs that have not ended;
    else the person must have none. Raises NotPermitted, InvalidInput, WrongState.
    """
    if not (by.is_active and by.has_perm(ERASE)):
        raise lacking(ERASE)
    user = the_person(user)
    if getattr(user, "pk", None) is None:
        raise InvalidInput(gettext("Erase a user of this project, before the account itself is deleted."))
    text, person = checked_reason(reason), Person(pk=user.pk, name=name_of(user))
    mine = AgentContext.objects.filter(user_id=user.pk)
    if dry_run:
        away = ArchivedRun.objects.filter(user_id=user.pk).count()
        sessions = AgentSession.objects.filter(user_id=user.pk).count()
        return Erasure(
            runs=mine.count(),
            archived_runs=away,
            sessions=sessions,
            memories=memories_of(user.pk),
            still_open=_open(user),
        )
    _end(_open(user), by=by, cancel=cancel)
    runs = _erase_rows(mine, person, by=name_of(by), reason=text)
    away = _erase_archives(person, by=name_of(by), reason=text)
    memories = erase_memory(user.pk)  # before the sessions: they say whose they are
    sessions = _erase_sessions(user)
    _erase_kept(person, by=name_of(by))
    StoredResponse.objects.filter(principal=str(user.pk)).delete()
    remove_doomed()
    logger.info("Erased a user from %s runs and %s archived ones.", runs, away)
    return Erasure(runs=runs, archived_runs=away, sessions=sessions, memories=memories, still_open=_open(user))


def _open(user: Any) -> tuple[UUID, ...]:
    return tuple(AgentContext.objects.live().filter(user_id=user.pk).values_list("pk", flat=True))


def _end(run_ids: tuple[UUID, ...], *, by: Any, cancel: bool) -> None:
    if run_ids and not cancel:
        named = ", ".join(str(run_id) for run_id in run_ids[:NAMED])
        raise WrongState(
            gettext("Runs of this person have not ended: %(runs)s. Cancel them first.") % {"runs": named},
            code="open_runs",
        )
    for run_id in run_ids:
        try:
            cancel_run(run_id, by=by)
        except (NotFound, NotPermitted) as error:
            text = gettext(
                "You may not cancel the run %(run)s; it takes %(permission)s, and to see it. Nothing was erased."
            ) % {"run": run_id, "permission": CONTROL}
            raise NotPermitted(text, rule=CONTROL) from error
        except WrongState as error:
            if error.code != "ended":
                raise


# In the database.


def _erase_rows(mine: Any, person: Person, *, by: str, reason: str) -> int:
    count = 0
    ended = mine.exclude(pk__in=AgentContext.objects.live().filter(user_id=person.pk).values("pk"))
    while run_ids := list(ended.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        count += sum(_erase_run(run_id, person, by=by, reason=reason) for run_id in run_ids)
    return count


def _erase_run(run_id: UUID, person: Person, *, by: str, reason: str) -> bool:
    with change(run_id, durable=True) as edit:
        if edit.context.details.restored_at is not None:
            restored = True
        elif edit.context.ended and edit.context.user_id == person.pk:
            erase(edit, person, by=by, reason=reason)
            return True
        else:
            return False
    if restored:
        with transaction.atomic(using=conf.DATABASE, durable=True):
            delete_runs([run_id])  # a copy to read; what it is a copy of is erased in its archive
    return True


def _erase_sessions(user: Any) -> int:
    """Their keys may be addresses or subjects of mails."""
    SessionSummary.objects.filter(session__user_id=user.pk).delete()
    sessions = list(AgentSession.objects.filter(user_id=user.pk).exclude(runs__user_id=user.pk))
    for session in sessions:
        AgentSession.objects.filter(pk=session.pk).update(user=None, key=f"{ERASED} {session.pk}")
    return len(sessions)


def _erase_kept(person: Person, *, by: str) -> None:
    """Their name in what staff keep. A delegation keeps that there was one, and gives nobody anything any more."""
    if not person.name:
        return
    mine = Q(giver_key=str(person.pk)) | Q(receiver_key=str(person.pk))
    open_ones = Delegation.objects.filter(mine, revoked_at__isnull=True)
    open_ones.update(revoked_at=database_now(), revoked_by_name=by)
    granted = Q(owner_key=str(person.pk)) | Q(user_key=str(person.pk))
    StandingGrant.objects.filter(granted, revoked_at=None).update(revoked_at=database_now(), revoked_by_name=by)
    for table, names in KEPT.items():
        rows = apps.get_model("agents_app", table)._base_manager
        for field, beside in names.items():
            found = rows.filter(**{field: person.name})
            # Two keys of one row must not become the same.
            found.update(**{field: ERASED}, **{each: f"{ERASED} {each}" if _is_key(each) else "" for each in beside})


def _is_key(field: str) -> bool:
    return field.endswith("_key")


# In archives.


def _erase_archives(person: Person, *, by: str, reason: str) -> int:
    count = 0
    while True:
        entry = ArchivedRun.objects.filter(user_id=person.pk).order_by("pk").first()
        if entry is None:
            return count
        archive = Archive.objects.get(pk=entry.archive_id, state=ArchiveState.COMPLETE)
        mine = set(ArchivedRun.objects.filter(archive=archive, user_id=person.pk).values_list("pk", flat=True))
        heads: dict[UUID, str] = {}
        blank = partial(_erased_run, mine=mine, person=person, by=by, reason=reason, heads=heads)
        if rewrite(archive, blank, also=partial(_erase_entries, heads)):
            count += len(mine)


def _erase_entries(heads: dict[UUID, str]) -> None:
    for entry in ArchivedRun.objects.filter(pk__in=heads):
        ArchivedRun.objects.filter(pk=entry.pk).update(
            user=None,
            user_name=ERASED,
            idempotency_key=None,
            fingerprint="",
            version=entry.version + 1,
            erased_at=database_now(),
            chain_head=heads[entry.pk],
        )


def _erased_run(
    run: StoredRun, *, mine: set[UUID], person: Person, by: str, reason: str, heads: dict[UUID, str]
) -> StoredRun:
    """The run as `transitions.erasing` would leave it, with its event. heads: gets the new head of its chain."""
    if run.id not in mine:
        return run
    now, version = database_now(), run.version + 1
    said = {"by": by, "reason": reason} if by else {"reason": reason}
    event = AgentEvent(context_id=run.id, sequence=version, type=EventType.RUN_ERASED, at=now, data=said)
    context = next(row.values for row in run.rows if row.model == "agentcontext")
    chain = Rebinding(context.get("chain_salt"))
    rows = [_erased_row(row, person, chain) for row in run.rows]
    event.bound = chain.bound
    event.link = event_link(context.get("chain_head") or START, event, event_digest(chain.salt, event))
    heads[run.id] = event.link
    beside: dict[str, dict[str, Any]] = {
        "agentcontext": {"version": version, "chain_salt": chain.salt, "chain_head": event.link},
        "rundetails": {"erased_at": now.isoformat()},
    }
    rows = [replace(row, values={**row.values, **beside.get(row.model, {})}) for row in rows]
    told = {name: value for name, value in values_of(event).items() if name != "id"}
    return run.with_rows([*rows, StoredRow(model="agentevent", values=told)], version)


def _erased_row(row: StoredRow, person: Person, chain: Rebinding) -> StoredRow:
    values = {**row.values, **erased(row.model, row.values, person)}
    if row.values.get("link") is not None:
        before = row_from(row, to_save=False)
        assert isinstance(before, AgentEvent)
        values["digest"] = chain.digest(before)
    after = replace(row, values=values)
    found = row_from(after, to_save=False)
    if found is not None:
        chain.bind(found)
    return after
