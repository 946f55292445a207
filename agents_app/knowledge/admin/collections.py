"""Collections: who sees them, how much is in them, and how far it has been read."""

from typing import Any

from django.contrib import admin
from django.db import connections
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.displays import number, short_time
from agents_app.admin.news import news
from agents_app.admin.refusing import NamesTheRule
from agents_app.conf import conf
from agents_app.core.canonical import sha256_of
from agents_app.knowledge.admin.shown import STATES, UNDER_WAY, KnowledgeLinks, not_taken, rendered, state_badge
from agents_app.knowledge.admin.trying import tried
from agents_app.knowledge.models import ChunkVector, Collection, Document, DocumentState
from agents_app.knowledge.permissions import (
    ADD,
    ADD_COLLECTION,
    CHANGE_COLLECTION,
    DELETE_COLLECTION,
    VIEW,
    may,
    sees_any,
    visible_collections,
)
from agents_app.knowledge.removing import remove_collection
from agents_app.knowledge.vector_index import has_index
from agents_app.knowledge.vectors import dimension_of
from agents_app.llm.embeddings import embedder_name

PARTS = {"state": "agents_knowledge/parts/collection_state.html"}


class CollectionAdmin(NamesTheRule):
    """Collections, for those who see them; Django's own permissions say who makes and changes them."""

    seen_with = (VIEW,)
    done_with = {"add": (ADD_COLLECTION,), "change": (CHANGE_COLLECTION,), "delete": (DELETE_COLLECTION,)}
    change_form_template = "agents_knowledge/collection.html"
    list_display = ["name", "title", "seen_by", "state", "chunks", "made"]
    search_fields = ["name", "title"]
    fields = ["name", "title", "description", "public", "viewers", "permission"]
    filter_horizontal = ["viewers"]
    ordering = ["name"]
    list_per_page = 50

    class Media:
        css = {"all": ["agents_app/admin.css"]}
        js = ["agents_app/admin.js", "agents_app/times.js", "agents_app/lists.js"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return bool(request.user.is_active and sees_any(request.user))
        return bool(request.user.is_active and visible_collections(request.user).filter(pk=obj.pk).exists())

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Collection]":
        """With how many documents there are in each state."""
        counts: dict[str, Any] = {
            f"count_{state}": Count("documents", filter=Q(documents__state=state)) for state in DocumentState
        }
        seen = visible_collections(request.user)
        rows: QuerySet[Collection] = super().get_queryset(request)
        return rows.filter(pk__in=seen.values("pk")).annotate(**counts, count_chunks=Sum("documents__chunk_count"))

    @admin.display(description=gettext_lazy("seen by"))
    def seen_by(self, row: Collection) -> str:
        if row.public:
            return gettext("everybody")
        groups = [str(group) for group in row.viewers.all()]
        return ", ".join([*groups, *filter(None, [row.permission])]) or gettext("those with view_collection")

    @admin.display(description=gettext_lazy("documents"))
    def state(self, row: Any) -> SafeString:
        parts = [
            format_html("{} {}", number(getattr(row, f"count_{state}")), state_badge(state))
            for state in STATES
            if getattr(row, f"count_{state}")
        ]
        return SafeString(" ".join(parts)) if parts else SafeString("–")

    @admin.display(description=gettext_lazy("chunks"))
    def chunks(self, row: Any) -> str:
        return number(row.count_chunks or 0)

    @admin.display(description=gettext_lazy("made"), ordering="made_at")
    def made(self, row: Collection) -> SafeString:
        return short_time(row.made_at)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With the state of indexing above the form."""
        row = self.get_object(request, object_id) if object_id else None
        extra = {} if row is None else {**self._page_of(request, row), "tried": tried(request, row)}
        return super().changeform_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def _page_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        links = KnowledgeLinks(self.admin_site)
        return {
            **self._state_of(row),
            "news_url": links.to("collection_news", row.pk),
            "known": _known(row),
            "ended": not _under_way(row),
            "documents_url": f"{links.to('document_changelist')}?collection={row.name}",
            "upload_url": f"{links.to('document_add')}?collection={row.name}" if may(request.user, ADD, row) else "",
        }

    def _state_of(self, row: Any) -> dict[str, Any]:
        """What changes while its documents are read."""
        documents = f"{KnowledgeLinks(self.admin_site).to('document_changelist')}?collection={row.name}"
        counts = [
            (state_badge(state), getattr(row, f"count_{state}"), f"{documents}&state={state}")
            for state in STATES
            if getattr(row, f"count_{state}")
        ]
        return {
            "facts": [
                (gettext("Chunks"), number(row.count_chunks or 0)),
                (gettext("Vectors"), _vectors(row)),
                *([(gettext("Last error of the embedder"), row.embedding_reason)] if row.embedding_error else []),
            ],
            "counts": counts,
            "late": not_taken(Document.objects.filter(collection=row.pk)),
            "failed": Document.objects.filter(collection=row, state=DocumentState.FAILED).order_by("key")[:20],
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.news_view)
        own = path("<uuid:key>/news/", view, name="agents_knowledge_collection_news")
        return [own, *super().get_urls()]

    def news_view(self, request: HttpRequest, key: Any) -> HttpResponse:
        """The parts of the page if they are not those of `?known=`."""
        row = self.get_queryset(request).filter(pk=key).first()
        if row is None:
            raise Http404
        return news(
            request,
            _known(row),
            lambda: rendered(PARTS, request, self._state_of(row)),
            ended=not _under_way(row),
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        remove_collection(obj)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        for row in queryset:
            remove_collection(row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The documents go with their collection: naming each, with its chunks, would take as long as deleting them."""
        names, counts = [str(row) for row in objs], 0
        for row in objs:
            counts += Document.objects.filter(collection_id=row.pk).count()
        return names, {gettext("documents"): counts}, set(), []


def _under_way(row: Any) -> bool:
    """Whether its documents are read, or its vectors made."""
    return any(getattr(row, f"count_{state}") for state in UNDER_WAY) or row.embedding_due_at is not None


def _known(row: Any) -> str:
    """What tells one state of the page from another."""
    counts = [getattr(row, f"count_{state}") for state in STATES]
    late = not_taken(Document.objects.filter(collection=row.pk))
    made = (row.embedder, row.next_embedder, row.embedding_reason, row.embedding_due_at)
    return sha256_of([*counts, row.count_chunks, late, *map(str, made)])[:16]


def _vectors(row: Collection) -> str:
    """How many chunks have one, and of which embedder."""
    if not row.embedder and not row.next_embedder:
        return gettext("none: full text only")
    made = {
        name: ChunkVector.objects.filter(chunk__collection=row, embedder=name).count()
        for name in (row.embedder, row.next_embedder)
        if name
    }
    parts = [
        ngettext("%(count)s by %(name)s", "%(count)s by %(name)s", count) % {"count": number(count), "name": name}
        for name, count in made.items()
    ]
    if row.next_embedder:
        parts.append(gettext("the last of them takes over when all are there"))
    return "; ".join([", ".join(parts), *filter(None, [_how_searched(row)])])


def _how_searched(row: Collection) -> str:
    """What one should know of the search by these vectors; empty if there is nothing."""
    if not embedder_name():
        return gettext("not searched, since the settings name no embedder: full text only")
    dimension = dimension_of(row.embedder) if row.embedder else None
    if dimension is None or connections[conf.DATABASE].vendor != "postgresql" or has_index(dimension):
        return ""
    return gettext("compared one by one, until manage.py agents_knowledge_setup has made an index")
