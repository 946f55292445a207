"""Whether people can be told."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from agents_app import Agent, tool
from agents_app.checks.notify import check_notify
from agents_app.definitions.registry import registry

pytestmark = pytest.mark.once
KEY = "k" * 40
SITE = "https://shop.example.com"
HOOK = {"channel": "webhook", "url": "https://ops.example.com/x", "key": KEY}


class Linked(Agent[str]):
    name = "linked"

    @tool(requires_approval=True, decide_by_link=True)
    def act(self) -> str:
        """Do it."""
        return ""


@pytest.fixture(autouse=True)
def _no_agents() -> Iterator[None]:
    with registry.override():
        yield


def found(app: dict[str, Any], sender: str = "desk@example.com") -> list[str]:
    with override_settings(AGENTS_APP={"EXECUTOR": "immediate", **app}, DEFAULT_FROM_EMAIL=sender):
        messages = check_notify()
    assert all(message.hint for message in messages)
    assert KEY not in str(messages)
    return [str(message.id).removeprefix("agents_app.") for message in messages]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ({}, []),
        ({"NOTIFY": {"email": {}, "browser": {}, "ops": HOOK}, "SITE_URL": SITE}, []),
        ({"NOTIFY": ["email"]}, ["E150"]),
        ({"NOTIFY": {"email": {}}}, ["W151"]),
        ({"NOTIFY": {"email": {}}, "REQUEST_URL": "https://x.example.com/{id}"}, []),
        ({"NOTIFY": {"email": {}}, "SITE_URL": "shop.example.com"}, ["E151"]),
        ({"NOTIFY": {"pigeon": {}}, "SITE_URL": SITE}, ["E150"]),
        ({"NOTIFY": {"email": []}, "SITE_URL": SITE}, ["E150"]),
        ({"NOTIFY": {"email": {"wings": 2}}, "SITE_URL": SITE}, ["E150"]),
        ({"NOTIFY": {"x": {"channel": "decimal.Decimal"}}, "SITE_URL": SITE}, ["E150"]),
        ({"NOTIFY": {"ops": {"channel": "webhook"}}, "SITE_URL": SITE}, ["E150"]),
        ({"NOTIFY": {"ops": {**HOOK, "key": "short"}}, "SITE_URL": SITE}, ["W150"]),
        ({"NOTIFY": {"ops": {**HOOK, "url": "http://ops.example.com/"}}, "SITE_URL": SITE}, ["W150"]),
        ({"NOTIFY": {"ops": {**HOOK, "url": "file:///etc/passwd"}}, "SITE_URL": SITE}, ["W150"]),
        ({"NOTIFY": {"ops": {**HOOK, "url": "https://u:p@ops.example.com/"}}, "SITE_URL": SITE}, ["W150"]),
    ],
    ids=str,
)
def test_channels_and_the_site(app: dict[str, Any], expected: list[str]) -> None:
    assert found(app) == expected


def test_a_sender_of_mail_is_needed() -> None:
    app = {"NOTIFY": {"email": {}}, "SITE_URL": SITE}
    assert found(app, sender="webmaster@localhost") == ["W150"]
    app["NOTIFY"] = {"email": {"sender": "Desk <desk@example.com>"}}
    assert found(app, sender="webmaster@localhost") == []


def test_links_that_decide_need_a_page_and_a_safe_way() -> None:
    with registry.override(Linked):
        assert found({"NOTIFY": {"email": {}}, "SITE_URL": SITE}) == []
        assert found({"NOTIFY": {"email": {}}, "SITE_URL": "http://shop.example.com"}) == ["W153"]
        with override_settings(ROOT_URLCONF="tests.links.no_links"):
            assert found({"NOTIFY": {"email": {}}, "SITE_URL": SITE}) == ["W152"]
