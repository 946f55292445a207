"""Addresses of documents over REST: `path("api/knowledge/", include("agents_app.knowledge.urls"))`."""

from django.urls import path

from agents_app.knowledge.api import views
from agents_app.knowledge.api.schema import Description

app_name = "agents_knowledge"

urlpatterns = [
    path("collections/", views.Collections.as_view(), name="collections"),
    path("collections/<str:name>/documents/", views.Documents.as_view(), name="documents"),
    path("search/", views.LookUp.as_view(), name="search"),
    path("schema/", Description.as_view(), name="schema"),
    path("documents/<str:document_id>/", views.ReadDocument.as_view(), name="document"),
    path("documents/<str:document_id>/read-again/", views.ReadAgain.as_view(), name="document-read-again"),
    path("documents/<str:document_id>/remove/", views.Remove.as_view(), name="document-remove"),
]
