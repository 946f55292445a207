"""What an answer cites, on the page of its run: each source with its document, for those who may see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString

from agents_app.admin.revealed import revealed
from agents_app.admin.run_rows import RunRows
from agents_app.core.events import EventType
from agents_app.core.status import RunStatus
from agents_app.definitions.knowledge import KNOWLEDGE_APP

DOCUMENTS = "agents_app.knowledge.admin.cited.documents_cited"
RETRIEVER = "retriever"
"""The mode that events tell where a retriever of the author's was asked: its ids are not those of our passages."""

Documents = Callable[[AdminSite, HttpRequest, list[int]], Mapping[int, tuple[str, str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cited:
    """`url` and the document's `title` are empty where this person may not see it, or it is not there any more."""

    mark: str
    source: SafeString
    title: str = ""
    url: str = ""


def citations_of(site: AdminSite, request: HttpRequest, rows: RunRows) -> list[Cited]:
    """What the run's answer cites, for those who may read it."""
    if rows.context.status != RunStatus.COMPLETED or not rows.transcript:
        return []
    kept = [(step.response or {}).get("citations") for step in rows.steps.values() if step.response]
    found = kept[-1] if kept else None
    if not found:
        return []
    documents = _documents(site, request, rows, [str(each["id"]) for each in found])
    return [_cited(each, documents) for each in found]


def _cited(entry: Mapping[str, str], documents: Mapping[str, tuple[str, str]]) -> Cited:
    title, url = documents.get(str(entry["id"]), ("", ""))
    source = entry["source"]
    return Cited(mark=entry["mark"], source=revealed(source), title="" if title == source else title, url=url)


def _documents(site: AdminSite, request: HttpRequest, rows: RunRows, cited: list[str]) -> Mapping[str, tuple[str, str]]:
    """Title and page of the documents of these passages, by the passages' ids."""
    if not apps.is_installed(KNOWLEDGE_APP):
        return {}
    events = [each.data for each in rows.events if each.type == EventType.RETRIEVAL_COMPLETED]
    ours = {id_ for data in events if data.get("mode") != RETRIEVER for id_ in data.get("ids", ())}
    theirs = {id_ for data in events if data.get("mode") == RETRIEVER for id_ in data.get("ids", ())}
    ids = [int(id_) for id_ in dict.fromkeys(cited) if id_ in ours - theirs and id_.isdecimal()]
    documents: Documents = import_string(DOCUMENTS)
    return {str(id_): shown for id_, shown in documents(site, request, ids).items()} if ids else {}
