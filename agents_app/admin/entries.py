"""What one event of a run looks like on its timeline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.blocks import Block, Difference, block
from agents_app.admin.displays import (
    KINDS,
    PERIODS,
    PRIORITIES,
    SCOPES,
    SLOTS_HELD,
    Words,
    badge,
    display_of,
    number,
    time_tag,
)
from agents_app.admin.icons import icon
from agents_app.admin.links import Links
from agents_app.admin.revealed import revealed
from agents_app.admin.run_rows import RunRows
from agents_app.core.budgets import Kind, Period, Scope
from agents_app.core.events import EVENTS, EventType
from agents_app.core.priority import Priority
from agents_app.core.status import InputStatus, RunStatus
from agents_app.models import AgentEvent
from agents_app.selectors.budgets import amount_of
from agents_app.services.amounts import currencies_of_answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """Where a page that listens puts the LLM's words of this turn, after the text so far."""

    turn: str
    text: str

    @property
    def shown(self) -> SafeString:
        """The text as HTML, with what is odd in it made visible."""
        return revealed(self.text)

    @property
    def end(self) -> int:
        """How many characters are there: what comes next begins at this one."""
        return len(self.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the timeline. `who`: the person who acted. `reason`: in their words. `minor`: shown quietly.

    `writing`: of an LLM that is asked now. `badge` is the present status of what the entry is
    about; `link` is (address, words).
    """

    title: Words
    icon: str
    tone: str = "quiet"
    who: str = ""
    reason: str = ""
    note: str = ""
    facts: tuple[Words, ...] = ()
    badge: SafeString | str = ""
    blocks: tuple[Block, ...] = ()
    changes: tuple[Difference, ...] = ()
    link: tuple[str, str] | None = None
    writing: Writing | None = None
    minor: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An event, what it led to (the end of the attempt that it starts), and what it is told with."""

    event: AgentEvent
    outcome: AgentEvent | None
    rows: RunRows
    links: Links

    @property
    def data(self) -> Mapping[str, Any]:
        """The event's payload."""
        data: dict[str, Any] = self.event.data
        return data

    def id(self, name: str) -> UUID:
        """A row that the payload names."""
        return UUID(self.data[name])

    def key(self, name: str) -> str:
        """A name for a block of this event that stays the same while the run goes on."""
        return f"{self.event.sequence}-{name}"

    def block(
        self, name: str, label: str, value: Any, currencies: Mapping[str, str] | None = None
    ) -> tuple[Block, ...]:
        """A block, for those who may read what was said and done; else nothing."""
        return (block(self.key(name), label, value, currencies),) if self.rows.transcript else ()

    def text(self, value: str) -> str:
        """Words from the conversation, for those who may read them."""
        return value if self.rows.transcript else ""


Teller = Callable[[Told], Entry | None]
TELLERS: dict[EventType, Teller] = {}


def tells(*types: EventType) -> Callable[[Teller], Teller]:
    """Decorator: the function makes the entries of these events; None means that another entry says it."""

    def add(teller: Teller) -> Teller:
        TELLERS.update(dict.fromkeys(types, teller))
        return teller

    return add


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An entry at its place: number, time, and the icon drawn."""

    entry: Entry
    key: str
    time: SafeString
    icon: SafeString


def place(told: Told, since: datetime) -> Placed | None:
    """The event's entry, ready for the page."""
    kind = EventType(told.event.type)
    entry = TELLERS[kind](told) if kind in TELLERS else untold(told)
    if entry is None:
        return None
    moment = time_tag(told.event.at, since=since)
    return Placed(entry=entry, key=f"e{told.event.sequence}", time=moment, icon=icon(entry.icon))


def untold(told: Told) -> Entry:
    """An event that nobody has words for: its meaning."""
    meaning = gettext(EVENTS[EventType(told.event.type)].meaning)
    return Entry(title=f"{meaning[:1].upper()}{meaning[1:]}.", icon="circle", minor=True)


_E = EventType


@tells(_E.RUN_STARTED)
def run_started(told: Told) -> Entry:
    details = told.rows.context.details
    later = told.data.get("run_at")
    return Entry(
        title=gettext("started this run"),
        who=str(told.data.get("by") or gettext("The system")),
        icon="play",
        facts=(gettext("not before %(later)s") % {"later": later},) if later else (),
        blocks=told.block("input", gettext("Input"), details.input),
    )


@tells(_E.RUN_WAITING)
def run_waiting(told: Told) -> Entry:
    shown = display_of(RunStatus(told.data["status"]))
    return Entry(title=shown.label, icon=shown.icon, tone=shown.tone, minor=True)


@tells(_E.RUN_SCHEDULED)
def run_scheduled(told: Told) -> Entry:
    return Entry(title=gettext("Continues later"), icon="clock", note=str(told.data["reason"]), minor=True)


@tells(_E.BUDGET_RESERVED)
def budget_reserved(told: Told) -> None:
    """What it came to is told when it is settled."""


@tells(_E.BUDGET_SETTLED)
def budget_settled(told: Told) -> Entry | None:
    if told.data["state"] != "kept":
        return None
    tokens = told.data["tokens"]
    title = ngettext("%(tokens)s token counts as spent", "%(tokens)s tokens count as spent", tokens)
    title %= {"tokens": number(tokens)}
    return Entry(title=title, icon="alert", note=str(told.data["note"]), minor=True)


@tells(_E.BUDGET_EXCEEDED)
def budget_exceeded(told: Told) -> Entry:
    data = told.data
    kind = KINDS[str(data["kind"])]
    return Entry(
        title=gettext("Not enough is left of a budget: %(scope)s, %(kind)s")
        % {"scope": SCOPES[Scope(data["scope"])], "kind": kind},
        icon="stop",
        tone="bad",
        note=gettext("%(spent)s of %(limit)s spent, %(reserved)s reserved, %(wanted)s needed")
        % {"spent": data["spent"], "limit": data["limit"], "reserved": data["reserved"], "wanted": data["wanted"]},
    )


_BY_PERSON = {
    _E.RUN_PAUSED: (gettext_lazy("paused the run"), "pause", "waiting"),
    _E.RUN_RESUMED: (gettext_lazy("let the run go on"), "play", "active"),
    _E.RUN_RETRIED: (gettext_lazy("retried the run"), "back", "active"),
    _E.RUN_CANCEL_REQUESTED: (gettext_lazy("cancelled the run"), "stop", "bad"),
    _E.RUN_HIDDEN: (gettext_lazy("hid the run"), "stop", "quiet"),
    _E.RUN_REVEALED: (gettext_lazy("let the run be seen again"), "play", "quiet"),
    _E.RUN_ERASED: (gettext_lazy("erased what the run held of its user"), "stop", "quiet"),
}


@tells(*_BY_PERSON)
def by_person(told: Told) -> Entry:
    title, picture, tone = _BY_PERSON[EventType(told.event.type)]
    who = str(told.data.get("by") or gettext("The system"))
    return Entry(title=title, who=who, reason=str(told.data.get("reason", "")), icon=picture, tone=tone)


@tells(_E.RUN_HELD_BACK)
def run_held_back(told: Told) -> Entry:
    limit, most = told.data["limit"], told.data["most"]
    return Entry(
        title=SLOTS_HELD[str(limit)] % {"most": most},
        icon="clock",
        minor=True,
    )


@tells(_E.RUN_PRIORITISED)
def run_prioritised(told: Told) -> Entry:
    who, data = str(told.data.get("by") or gettext("The system")), told.data
    return Entry(
        title=gettext("changed the priority"),
        who=who,
        icon="clock",
        facts=(f"{PRIORITIES[Priority(data['before'])]} → {PRIORITIES[Priority(data['after'])]}",),
    )


@tells(_E.BUDGET_CHANGED)
def budget_changed(told: Told) -> Entry:
    data = told.data
    limits = tuple(amount_of(kind, _amount(kind, data[kind])) for kind in Kind if data.get(kind) is not None)
    facts = limits or (gettext("no limit"),)
    often = (
        ()
        if data["period"] == Period.EVER
        else (gettext("per %(period)s") % {"period": PERIODS[Period(data["period"])]},)
    )
    return Entry(
        title=gettext("set the run's budget"),
        who=str(data.get("by") or gettext("The system")),
        icon="alert",
        facts=(*facts, *often),
    )


def _amount(kind: Kind, value: Any) -> int | Decimal:
    return Decimal(value) if kind is Kind.MONEY else int(value)


@tells(_E.RUN_CODE_CHANGED)
def run_code_changed(told: Told) -> Entry:
    before, after = told.data["before"], told.data["after"]
    facts = (gettext("version %(before)s → %(after)s") % {"before": before, "after": after},) if before != after else ()
    if told.data["how"] == "accepted":
        who = str(told.data.get("by") or gettext("The system"))
        return Entry(title=gettext("accepted the new code"), who=who, icon="play", tone="active", facts=facts)
    title = (
        gettext("Brought to the new code") if told.data["how"] == "migrated" else gettext("Goes on under changed code")
    )
    return Entry(title=title, icon="play", facts=facts, minor=True)


@tells(_E.RUN_RECOVERED)
def run_recovered(told: Told) -> Entry:
    return Entry(title=gettext("A worker was lost; another one took over"), icon="back", minor=True)


@tells(_E.RUN_CANCELLED)
def run_cancelled(told: Told) -> Entry:
    return Entry(title=gettext("The run ended: cancelled"), icon="stop")


@tells(_E.RUN_COMPLETED)
def run_completed(told: Told) -> Entry:
    context = told.rows.context
    answer = told.block("output", gettext("Answer"), context.details.output, currencies_of_answer(context.agent))
    return Entry(title=gettext("The run completed"), icon="flag", tone="good", blocks=answer)


@tells(_E.RUN_FAILED)
def run_failed(told: Told) -> Entry:
    return Entry(
        title=gettext("The run failed"), icon="cross", tone="bad", note=f"{told.data['message']} ({told.data['code']})"
    )


@tells(_E.INPUT_REQUESTED)
def input_requested(told: Told) -> Entry:
    request = told.rows.inputs[told.id("request")]
    return Entry(
        title=gettext("Asked the user"),
        icon="question",
        tone="waiting",
        badge=badge(InputStatus(request.status)),
        blocks=told.block("question", gettext("Question"), request.question),
        link=(told.links.row("inputrequest", request.pk), gettext("Open the question")),
    )


@tells(_E.INPUT_ANSWERED)
def input_answered(told: Told) -> Entry:
    request = told.rows.inputs[told.id("request")]
    return Entry(
        title="answered",
        who=str(told.data.get("by") or gettext("Somebody")),
        icon="speech",
        tone="good",
        blocks=told.block("answer", gettext("Answer"), request.answer),
    )


@tells(_E.INPUT_EXPIRED)
def input_expired(told: Told) -> Entry:
    return Entry(title=gettext("Nobody answered in time"), icon="clock", tone="bad")


@tells(_E.INPUT_WITHDRAWN)
def input_withdrawn(told: Told) -> Entry:
    return Entry(title=gettext("The question was withdrawn"), icon="stop", minor=True)


@tells(_E.MESSAGE_PRODUCED)
def message_produced(told: Told) -> Entry | None:
    """The LLM's own words stand with its turn."""
    return (
        None if told.rows.transcript else Entry(title=gettext("Said something to the user"), icon="speech", minor=True)
    )
