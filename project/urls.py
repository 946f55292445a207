"""Addresses of the demo: its own page, the admin, the API."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/knowledge/", include("agents_app.knowledge.urls")),
    path("api/", include("agents_app.urls")),
    path("decide/", include("agents_app.links.urls")),
    path("health/", include("agents_app.health.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("favicon.ico", RedirectView.as_view(url=static("demo/icon.svg"))),
    path("", include("project.demo.urls")),
]
