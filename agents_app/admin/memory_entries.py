"""What events of memory and knowledge look like on a run's timeline."""

from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.entries import Entry, Told, tells
from agents_app.core.events import EventType
from agents_app.core.memory import MemoryAct

REMEMBERED = {
    "briefing": gettext_lazy("what was before"),
    "summary": gettext_lazy("summary"),
    "fact": gettext_lazy("fact"),
    "entity": gettext_lazy("entity"),
    "working": gettext_lazy("working memory"),
    "embedder": gettext_lazy("compared by words: the embedder failed"),
}
"""The words for what is remembered."""

ACTS = {
    MemoryAct.ADDED: gettext_lazy("added"),
    MemoryAct.CONFIRMED: gettext_lazy("confirmed"),
    MemoryAct.CORRECTED: gettext_lazy("corrected"),
    MemoryAct.SUPERSEDED: gettext_lazy("superseded"),
    MemoryAct.MERGED: gettext_lazy("merged"),
    MemoryAct.UPDATED: gettext_lazy("updated"),
    MemoryAct.FORGOTTEN: gettext_lazy("forgotten"),
    MemoryAct.EXPIRED: gettext_lazy("made room for newer ones"),
}
"""The words for what was done to it."""


@tells(EventType.MEMORY_UPDATED)
def memory_updated(told: Told) -> Entry:
    what, error = str(told.data["what"]), str(told.data.get("error") or "")
    title = gettext("Memory was not read") if error and what == "briefing" else gettext("Memory changed")
    if what == "embedder":
        title = gettext("Memory was read without meaning")
    elif error and what != "briefing":
        title = gettext("Memory was not changed")
    return Entry(
        title=title,
        icon="alert" if error else "person",
        tone="bad" if error else "quiet",
        who=str(told.data.get("by") or ""),
        note=error,
        facts=tuple(str(each) for each in (REMEMBERED.get(what, what), _act(told), told.data.get("key")) if each),
        minor=not error,
    )


def _act(told: Told) -> str:
    act = told.data.get("act")
    return str(ACTS[MemoryAct(act)]) if act else ""


@tells(EventType.RETRIEVAL_COMPLETED)
def retrieval_completed(told: Told) -> Entry:
    names, found = ", ".join(told.data.get("collections", ())), len(told.data.get("ids", ()))
    error = str(told.data.get("error") or "")
    passages = ngettext("%(count)s passage", "%(count)s passages", found) % {"count": found}
    searched = bool(told.data.get("mode")) or not error
    return Entry(
        title=_of_search(searched, error),
        icon="alert" if error else "question",
        tone="bad" if error else "quiet",
        note=error,
        facts=tuple(each for each in (names, passages if searched else "", told.text(str(told.data["query"]))) if each),
        minor=not error,
    )


def _of_search(searched: bool, error: str) -> str:
    if error and searched:
        return gettext("Searched knowledge by words alone")
    return gettext("Searched knowledge") if searched else gettext("Knowledge was not searched")
