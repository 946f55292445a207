"""Addresses of the demo: its own page, the admin, the API."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("agents_app.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("", include("project.demo.urls")),
]
