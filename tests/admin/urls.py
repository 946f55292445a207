"""Two admin sites: Django's own, and one of a team, whose objects are below their runs."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import path

from agents_app.admin import AgentRunsInline, register_with


class TeamSite(admin.AdminSite):
    site_header = "The team's own admin"


class GroupAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    inlines = [AgentRunsInline]
    exclude = ["permissions"]


team_site = TeamSite(name="team")
register_with(team_site)
team_site.register(Group, GroupAdmin)

urlpatterns: list[Any] = [
    path("admin/", admin.site.urls),
    path("team/", team_site.urls),
    *staticfiles_urlpatterns(),
]
