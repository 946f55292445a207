"""Addresses of the probes."""

from django.urls import path

from agents_app.health.views import live, ready

app_name = "agents_app_health"

urlpatterns = [
    path("live", live, name="live"),
    path("ready", ready, name="ready"),
]
