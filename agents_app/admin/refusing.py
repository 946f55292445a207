"""Saying no: where a page answers 403, it names the rule that forbids, as every other door does."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext

from agents_app.exceptions import NotPermitted
from agents_app.selectors.people import lacking


class NamesTheRule(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin whose refusals say why. Django's own say nothing: what they ask for is declared here."""

    seen_with: ClassVar[tuple[str, ...]] = ()
    """The permissions of which any opens the list."""
    done_with: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By the last word of an address's name, the permissions that it takes; what is not here is not done by anybody."""

    class Media:
        css = {"all": ["agents_app/admin.css"]}

    @property
    def urls(self) -> list[URLPattern]:
        """All of its addresses, with a page of ours where they refuse."""
        patterns: list[URLPattern] = self.get_urls()
        for pattern in patterns:
            pattern.callback = self._explaining(pattern.callback)
        return patterns

    def _explaining(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def explaining(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except NotPermitted as error:
                return self._refused(request, error)
            except PermissionDenied:
                return self._refused(request, self.refusal(request))

        return explaining

    def refusal(self, request: HttpRequest) -> NotPermitted:
        """Why one of Django's own pages, which does not say it, refuses this person."""
        if not self.has_view_or_change_permission(request):
            return lacking(*self.seen_with)
        match = request.resolver_match
        needed = self.done_with.get(str(match.url_name if match else "").rpartition("_")[2])
        if needed is None:
            return NotPermitted(gettext("Nothing is added, changed or deleted here by hand."), rule="read_only")
        return lacking(next((each for each in needed if not request.user.has_perm(each)), needed[0]))

    def _refused(self, request: HttpRequest, error: NotPermitted) -> HttpResponse:
        request.current_app = self.admin_site.name
        rule = str(error.details.get("rule", ""))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("You may not do this"),
            "media": self.media,
            "why": gettext(error.message),
            "rule": rule,
            "is_permission": "." in rule,
        }
        response = TemplateResponse(request, "agents_app/forbidden.html", context, status=403)
        add_never_cache_headers(response)
        return response
