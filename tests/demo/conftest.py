"""The demo's project around the tests: its addresses, its pages, its people and its shop."""

import copy
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from agents_app.definitions.registry import registry
from project.demo.agents import SupportAgent

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def demo_project(settings):
    settings.ROOT_URLCONF = "project.urls"
    settings.LOGIN_URL = "login"
    settings.LOGIN_REDIRECT_URL = settings.LOGOUT_REDIRECT_URL = "/"
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [ROOT / "templates"]
    templates[0]["OPTIONS"]["context_processors"].append("project.demo.context.demo")
    settings.TEMPLATES = templates
    with registry.override(SupportAgent):
        yield


@pytest.fixture
def shop(db):
    """People and orders, no runs."""
    call_command("demo_setup", "--no-runs", verbosity=0)


@pytest.fixture
def person(shop):
    """The user of this name."""

    def find(name: str) -> User:
        return User.objects.get(username=name)

    return find
