"""How the state of documents is shown, and addresses of this app's pages."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from agents_app.admin.displays import Words
from agents_app.admin.icons import icon
from agents_app.admin.links import Links
from agents_app.knowledge.indexing import LATE_SECONDS
from agents_app.knowledge.models import Document, DocumentState
from agents_app.models import seconds_from_now

STATES: Mapping[DocumentState, tuple[str, str, Words]] = {
    DocumentState.WAITING: ("idle", "clock", gettext_lazy("Waiting to be read")),
    DocumentState.READING: ("busy", "spark", gettext_lazy("Being read")),
    DocumentState.READY: ("good", "check", gettext_lazy("Can be found")),
    DocumentState.FAILED: ("bad", "alert", gettext_lazy("Cannot be read")),
}
UNDER_WAY = (DocumentState.WAITING, DocumentState.READING)


class KnowledgeLinks(Links):
    """Addresses of this app's pages in one admin site."""

    def to(self, name: str, *arguments: Any) -> str:
        return reverse(f"admin:agents_knowledge_{name}", args=arguments, current_app=self.site.name)


def state_badge(state: str) -> SafeString:
    """The state as a small label with an icon."""
    tone, name, label = STATES[DocumentState(state)]
    return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)


def not_taken(rows: "QuerySet[Document]") -> bool:
    """Whether there is one among them that no worker has taken for long."""
    return rows.filter(state=DocumentState.WAITING, due_at__lt=seconds_from_now(-LATE_SECONDS)).exists()


def rendered(parts: Mapping[str, str], request: HttpRequest, context: dict[str, Any]) -> dict[str, str]:
    """The parts of a page, by their names, for a page that is open."""
    return {name: render_to_string(template, context, request) for name, template in parts.items()}
