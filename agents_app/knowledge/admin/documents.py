"""Documents: how far each has been read, why one cannot be, and the passages that are found."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import number, plain, short_time, time_tag
from agents_app.admin.news import news
from agents_app.exceptions import AgentsError
from agents_app.knowledge.admin.shown import STATES, UNDER_WAY, KnowledgeLinks, not_taken, rendered, state_badge
from agents_app.knowledge.admin.upload_form import UploadForm
from agents_app.knowledge.ingesting import Ingested, Outcome, read_again, remove
from agents_app.knowledge.models import Chunk, Document, DocumentState
from agents_app.knowledge.permissions import (
    ADD,
    CHANGE,
    DELETE,
    VIEW,
    may,
    sees_any,
    visible_collections,
    visible_documents,
)

CHUNKS_SHOWN = 50
PARTS = {
    "state": "agents_knowledge/parts/document_state.html",
    "passages": "agents_knowledge/parts/document_passages.html",
}


class StateFilter(admin.SimpleListFilter):
    """By state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, Any]]:
        return ((state.value, label) for state, (_, _, label) in STATES.items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(state=self.value()) if self.value() else queryset


class CollectionFilter(admin.SimpleListFilter):
    """By collection."""

    title = gettext_lazy("collection")
    parameter_name = "collection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, Any]]:
        return ((row.name, str(row)) for row in visible_collections(request.user)[:100])

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(collection__name=self.value()) if self.value() else queryset


class DocumentAdmin(ReadOnlyAdmin):
    """Documents of the collections that one sees. Files are added; what is in a document is not edited here."""

    seen_with = (VIEW,)
    done_with = {"add": (ADD,), "change": (CHANGE,), "delete": (DELETE,)}
    page_template = "agents_knowledge/document.html"
    list_display = ["document", "shelf", "state_badge", "read", "chunks", "changed"]
    list_display_links = None
    list_filter = [StateFilter, CollectionFilter]
    list_select_related = ["collection"]
    search_fields = ["key", "title"]
    search_label = gettext_lazy("Search by key or title")
    actions = ["read_selected_again"]

    def may_list(self, user: Any) -> bool:
        return sees_any(user)

    def visible_rows(self, user: Any) -> "QuerySet[Document]":
        return visible_documents(user).defer("text")

    def has_add_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and sees_any(user) and any(may(user, ADD, row) for row in visible_collections(user))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = request.user
        if obj is None:
            return user.is_active and user.has_perm(DELETE)
        return may(user, DELETE, obj.collection)

    @property
    def links(self) -> KnowledgeLinks:
        """Addresses in this admin site."""
        return KnowledgeLinks(self.admin_site)

    # The list.

    @admin.display(description=gettext_lazy("document"), ordering="title")
    def document(self, row: Document) -> SafeString:
        return self.links.anchor("document", row.pk, str(row))

    @admin.display(description=gettext_lazy("collection"))
    def shelf(self, row: Document) -> SafeString:
        return self.links.anchor("collection", row.collection_id, str(row.collection))

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, row: Document) -> SafeString:
        return state_badge(row.state)

    @admin.display(description=gettext_lazy("read"))
    def read(self, row: Document) -> str:
        return _progress(row)

    @admin.display(description=gettext_lazy("chunks"), ordering="chunk_count")
    def chunks(self, row: Document) -> str:
        return number(row.chunk_count)

    @admin.display(description=gettext_lazy("changed"), ordering="changed_at")
    def changed(self, row: Document) -> SafeString:
        return short_time(row.changed_at)

    @admin.action(description=gettext_lazy("Read again"))
    def read_selected_again(self, request: HttpRequest, queryset: "QuerySet[Document]") -> None:
        """Have those read again that this person may change."""
        done = 0
        for row in queryset:
            try:
                read_again(row, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
                return
            done += 1
        text = ngettext("%(count)s document will be read again.", "%(count)s documents will be read again.", done)
        messages.success(request, text % {"count": done})

    def get_actions(self, request: HttpRequest) -> Any:
        """Without those of people who may change nothing."""
        found = super().get_actions(request)
        if not request.user.has_perm(CHANGE):
            found.pop("read_selected_again", None)
        return found

    # The page.

    def page_context(self, request: HttpRequest, row: Document) -> dict[str, Any]:
        return {
            **self._state_of(row),
            "title": str(row),
            "news_url": self.links.to("document_news", row.pk),
            "known": _known(row),
            "ended": row.state not in UNDER_WAY,
            "again_url": self.links.to("document_again", row.pk) if may(request.user, CHANGE, row.collection) else "",
            "delete_url": self.links.to("document_delete", row.pk) if self.has_delete_permission(request, row) else "",
        }

    def _state_of(self, row: Document) -> dict[str, Any]:
        """What changes while it is being read."""
        chunks = Chunk.objects.current().filter(document=row).order_by("number")
        return {
            "facts": [(name, value) for name, value in self._facts(row) if value],
            "failure": {"code": row.error_code, "text": row.reason} if row.error else None,
            "old": row.version > 0 and row.state in ("failed", *UNDER_WAY),
            "late": not_taken(Document.objects.filter(pk=row.pk)),
            "chunks": chunks[:CHUNKS_SHOWN],
            "more": max(row.chunk_count - CHUNKS_SHOWN, 0),
        }

    def news_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The parts of the page if they are not those of `?known=`."""
        row = self.found(request, key)
        return news(
            request,
            _known(row),
            lambda: rendered(PARTS, request, self._state_of(row)),
            ended=row.state not in UNDER_WAY,
        )

    def _facts(self, row: Document) -> list[tuple[str, Any]]:
        return [
            (gettext("State"), state_badge(row.state)),
            (gettext("Collection"), self.shelf(row)),
            (gettext("Key"), row.key),
            (gettext("Source"), row.source),
            (gettext("Kind"), row.mime),
            (gettext("Size"), filesizeformat(row.size)),
            (gettext("Read"), _progress(row)),
            (gettext("Chunks"), number(row.chunk_count)),
            (gettext("Note"), row.noted),
            (gettext("Metadata"), plain(row.metadata) if row.metadata else ""),
            (gettext("Added by"), row.added_by_name),
            (gettext("Added"), time_tag(row.added_at)),
            (gettext("Changed"), time_tag(row.changed_at)),
            (gettext("Can be found since"), time_tag(row.indexed_at) if row.indexed_at else ""),
        ]

    # Commands.

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("<path:key>/again/", self.again_view, "again"),
            self.own_url("<path:key>/news/", self.news_view, "news"),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form, and accepting the files."""
        self.require(self.has_add_permission(request), ADD)
        initial = {"collection": request.GET.get("collection")}
        post = request.method == "POST"
        form = UploadForm(request.user, *((request.POST, request.FILES) if post else ()), initial=initial)
        if post and form.is_valid():
            done = form.save()
            for each in done:
                self._tell_taken(request, each)
            if not form.errors:
                row = form.cleaned_data["collection"]
                return HttpResponseRedirect(self.links.row("collection", row.pk))
        status = 400 if form.errors else 200
        title = gettext("Add documents")
        return self.rendered(request, "agents_knowledge/upload.html", status=status, title=title, form=form)

    def _tell_taken(self, request: HttpRequest, taken: Ingested) -> None:
        row, title = taken.document, f"“{taken.document.title}”"
        if taken.outcome is not Outcome.UNCHANGED:
            messages.success(request, gettext("%(title)s is accepted, and will be read now.") % {"title": title})
        elif row.state == DocumentState.FAILED:
            text = gettext("%(title)s is there already, has not changed, and cannot be read: %(reason)s")
            messages.warning(request, text % {"title": title, "reason": row.reason})
        else:
            text = gettext("%(title)s is there already, and has not changed.")
            messages.success(request, text % {"title": title})

    def again_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Have it read again."""
        row = self.found(request, key)
        if request.method == "POST":
            try:
                read_again(row, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                messages.success(request, gettext("It will be read again; what is found until then stays."))
        return HttpResponseRedirect(self.links.row("document", row.pk))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        remove(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        for row in queryset:
            remove(row, by=request.user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its chunks go with it; they are not named."""
        rows = list(objs)
        return [str(row) for row in rows], {gettext("documents"): len(rows)}, set(), []


def _known(row: Document) -> str:
    """What tells one state of the page from another."""
    late = not_taken(Document.objects.filter(pk=row.pk))
    return f"{row.revision}.{row.version}.{row.state}.{row.pages_read}.{row.error_code}.{late}"


def _progress(row: Document) -> str:
    if row.pages is None:
        return ""
    return gettext("%(read)s of %(pages)s parts") % {"read": number(row.pages_read), "pages": number(row.pages)}
