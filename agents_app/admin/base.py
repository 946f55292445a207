"""The one base of this app's ModelAdmins: rows are looked at, never edited; commands are the services' business."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from agents_app.admin.displays import Words
from agents_app.admin.links import Links
from agents_app.admin.pages import FewPages
from agents_app.admin.refusing import NamesTheRule
from agents_app.exceptions import (
    AgentsError,
    NotFound,
)
from agents_app.selectors.people import lacking
from agents_app.selectors.runs import is_id, one_of
from agents_app.services import Origin


def origin_of(request: HttpRequest) -> Origin:
    """How decisions record that they came through the admin."""
    return Origin.of_request("admin", request)


def and_more(count: int) -> str:
    """What is said of further failures that are not told one by one."""
    text = ngettext("And %(count)d more could not be done.", "And %(count)d more could not be done.", count)
    return text % {"count": count}


class ReadOnlyAdmin(NamesTheRule):
    """Nothing is added, changed or deleted here. Who may look is said by `may_list` and `visible_rows`."""

    page_template = "agents_app/facts.html"
    change_list_template = "agents_app/list.html"
    search_label: Words = ""
    nothing_yet: Words = ""
    """What an empty list says: what would stand here, and what it would take."""
    own_lookups: tuple[str, ...] = ()
    """What a link of ours may narrow the list by, besides its filters."""
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    paginator: ClassVar["type[Paginator]"] = FewPages  # type: ignore[type-arg]  # not generic when it runs

    class Media:
        css = {"all": ["agents_app/admin.css"]}
        js = ["agents_app/admin.js", "agents_app/times.js", "agents_app/lists.js"]

    # Who may look.

    def may_list(self, user: Any) -> bool:
        """Whether this person has a list here at all."""
        return any(user.has_perm(permission) for permission in self.seen_with)

    def visible_rows(self, user: Any) -> "models.QuerySet[Any]":
        """The rows this person may know of."""
        raise NotImplementedError

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return request.user.is_active and self.may_list(request.user)
        return self.visible_rows(request.user).filter(pk=obj.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        return self.visible_rows(request.user)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Django allows every field of the row: who may not read a text could ask for lists by its beginning."""
        filters = {getattr(each, "parameter_name", None) for each in self.list_filter}
        return lookup in filters or lookup in self.own_lookups

    def get_search_results(
        self, request: HttpRequest, queryset: "models.QuerySet[Any]", search_term: str
    ) -> "tuple[models.QuerySet[Any], bool]":
        """By an id without reading the table; by words as Django does."""
        term = search_term.strip()
        if not is_id(term):
            return super().get_search_results(request, queryset, search_term)
        fields = {field.name: field for field in self.opts.concrete_fields}
        about = models.Q(context_id=term) if "context" in fields else models.Q()
        own = models.Q(pk=term) if isinstance(self.opts.pk, models.UUIDField | models.OneToOneField) else models.Q()
        return queryset.filter(own | about), False

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Paginator:  # type: ignore[type-arg]  # not generic when it runs
        """That of the list; Django asks for the admin's log of a row here, too."""
        kind = self.paginator if queryset.model is self.model else FewPages
        return kind(queryset, *args, **kwargs)

    # Pages.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. `search_label` says visibly what can be searched for, which Django only hints at; `nothing_yet` why
        it is empty."""
        title = capfirst(str(self.opts.verbose_name_plural))
        own = {"title": title, "search_label": self.search_label, "nothing_yet": self.nothing_yet}
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """Our own pages first: Django's catch-all for objects would swallow them."""
        return [*self.own_urls(), *super().get_urls()]

    def own_urls(self) -> list[URLPattern]:
        """Further addresses below this model's."""
        return []

    def own_url(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """One of them, for logged-in staff of this site."""
        return path(
            route, self.admin_site.admin_view(view), name=f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        )

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if this person may know of it. Raises Http404."""
        try:
            return one_of(self.visible_rows(request.user), object_id.strip("/"))
        except NotFound as error:
            raise Http404(error.message) from error

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one row."""
        return self.page(request, self.found(request, object_id), **(extra_context or {}))

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page's template needs of the row."""
        return {}

    def page(self, request: HttpRequest, row: Any, *, status: int = 200, **extra: Any) -> HttpResponse:
        """Render the page of one row."""
        history = self.links.to(f"{self.opts.model_name}_history", row.pk)
        own = {"title": capfirst(str(self.opts.verbose_name)), "history_url": history}
        context = {**own, **self.page_context(request, row), **extra}
        return self.rendered(request, self.page_template, status=status, original=row, **context)

    def rendered(self, request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Render a page inside this admin site."""
        request.current_app = self.admin_site.name
        everything = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **context}
        return TemplateResponse(request, template, everything, status=status)

    @property
    def links(self) -> Links:
        """Addresses in this admin site."""
        return Links(self.admin_site)

    # Commands.

    def require(self, allowed: bool, *permissions: str) -> None:
        """Raise NotPermitted unless allowed. permissions: of which any would do."""
        if not allowed:
            raise lacking(*permissions)

    def tell(self, request: HttpRequest, error: AgentsError) -> None:
        """Show a command's error as a message."""
        messages.error(request, gettext(error.message))

    def log(self, request: HttpRequest, row: models.Model, text: str) -> None:
        """Note in Django's admin log what this person did."""
        self.log_change(request, row, text)
