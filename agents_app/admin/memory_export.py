"""Taking away all that is kept of a person: the file that `agents_memory_export` writes."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.links import Links
from agents_app.exceptions import AgentsError
from agents_app.live.portions import download
from agents_app.selectors.memory import VIEW_MEMORY, may_view_memory
from agents_app.selectors.people import VIEW_TRANSCRIPT, user_named
from agents_app.services import export_memory


class ExportForm(forms.Form):
    """Whose, and how much."""

    username = forms.CharField(label=gettext_lazy("User"), help_text=gettext_lazy("The name, as they log in."))
    archives = forms.BooleanField(
        label=gettext_lazy("With archived runs"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Their files are read, which takes a while."),
    )

    def clean_username(self) -> Any:
        """The person."""
        user = user_named(self.cleaned_data["username"].strip())
        if user is None:
            raise forms.ValidationError(gettext("There is no such user."))
        return user


def may_export_memory(user: Any) -> bool:
    """Whether this person may take away what is kept of others."""
    return bool(may_view_memory(user) and user.has_perm(VIEW_TRANSCRIPT))


def export_page(links: Links, user: Any, name: str = "") -> str:
    """Where one exports, with this person's name filled in; empty for who may not."""
    query = f"?{urlencode({'username': name})}" if name else ""
    return f"{links.to('fact_export')}{query}" if may_export_memory(user) else ""


class ExportsMemory(ReadOnlyAdmin):
    """For lists of what is remembered: the button, and behind that of the facts the page."""

    def own_urls(self) -> list[URLPattern]:
        """The page is one, whichever list leads to it."""
        own = [self.own_url("export/", self.export_view, "export")] if self.opts.model_name == "fact" else []
        return [*super().own_urls(), *own]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the button, for who may."""
        extra = {"export_person_url": self.export_url(request.user), **(extra_context or {})}
        return super().changelist_view(request, extra)

    def export_url(self, user: Any, name: str = "") -> str:
        """Where one exports; empty for who may not."""
        return export_page(self.links, user, name)

    def export_view(self, request: HttpRequest) -> Any:
        """Ask whose; then the file."""
        self.require(may_view_memory(request.user), VIEW_MEMORY)
        self.require(may_export_memory(request.user), VIEW_TRANSCRIPT)
        begins = {"username": request.GET.get("username", ""), "archives": True}
        form = ExportForm(request.POST) if request.method == "POST" else ExportForm(initial=begins)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                pieces = export_memory(given["username"], by=request.user, archives=given["archives"])
            except AgentsError as error:
                form.add_error(None, error.message)
            else:
                return download(request, pieces, name="memory", format="json")
        status = 400 if form.errors else 200
        title = gettext("Export what is kept of a person")
        return self.rendered(request, "agents_app/memory_export.html", status=status, title=title, form=form)
