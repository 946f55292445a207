"""Addresses of the customer's pages."""

from django.urls import path

from project.demo import views

app_name = "shop"
urlpatterns = [
    path("", views.home, name="home"),
    path("runs/", views.run_list, name="runs"),
    path("runs/start/", views.start, name="start"),
    path("runs/<uuid:run_id>/", views.run_page, name="run"),
    path("runs/<uuid:run_id>/fragment/", views.run_fragment, name="fragment"),
    path("runs/<uuid:run_id>/cancel/", views.cancel, name="cancel"),
    path("runs/<uuid:run_id>/answers/<uuid:request_id>/", views.answer, name="answer"),
]
