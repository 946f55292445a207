"""Addresses for the tests: the admin and the API."""

from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/knowledge/", include("agents_app.knowledge.urls")),
    path("api/", include("agents_app.urls")),
    path("decide/", include("agents_app.links.urls")),
    path("health/", include("agents_app.health.urls")),
    *staticfiles_urlpatterns(),
]
