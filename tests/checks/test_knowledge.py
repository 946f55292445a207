"""An agent that wants to look things up is told where nothing can be found."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.test import override_settings

from agents_app import Agent, Knowledge
from agents_app.checks.knowledge import check_collections
from agents_app.definitions.registry import registry
from tests.knowledge.shelf import collection

pytestmark = pytest.mark.django_db


class Reader(Agent[str]):
    name = "reader"
    knowledge = Knowledge("handbook", "prices")


class Own(Agent[str]):
    name = "own"
    knowledge = Knowledge("elsewhere", retriever="shop.Articles")


def test_a_collection_that_is_not_there_is_a_warning() -> None:
    collection("handbook")
    with registry.override(Reader, Own):
        [found] = check_collections(databases=["default"])
        assert check_collections(databases=[]) == []
    assert (found.id, found.obj) == ("agents_app.W181", Reader)
    assert "prices" in found.msg
    assert found.hint


def test_an_app_that_is_not_installed_is_told_once() -> None:
    installed = [each.name for each in apps.get_app_configs() if "knowledge" not in each.name]
    with registry.override(Reader), override_settings(INSTALLED_APPS=installed):
        found = [
            each for each in run_checks(databases=["default"]) if each.obj in (Reader, f"{Reader.__module__}.Reader")
        ]
    assert [each.id for each in found] == ["agents_app.E031"]
