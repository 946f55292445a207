"""The app of the project's own user."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "tests.configurations.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"
