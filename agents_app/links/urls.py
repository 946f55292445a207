"""The page of links that decide: `path("decide/", include("agents_app.links.urls"))`."""

from django.urls import path

from agents_app.links.views import decide

app_name = "agents_app_links"

urlpatterns = [path("<str:token>/", decide, name="decide")]
"""One address; who holds it may decide once, if nothing has changed."""
