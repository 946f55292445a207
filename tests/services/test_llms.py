"""Closing a breaker, and who may see how the LLMs stand."""

from datetime import timedelta
from typing import Any

import pytest

from agents_app.exceptions import NotFound, NotPermitted
from agents_app.models import LLMPlace, LLMState, database_now
from agents_app.models.fields import uuid7
from agents_app.selectors.llms import llm_as_dict, visible_llms
from agents_app.services import SYSTEM, close_breaker
from tests.office import person

pytestmark = pytest.mark.django_db
NAME = "openrouter:openai/gpt-5"


@pytest.fixture
def down() -> LLMState:
    now = database_now()
    soon = now + timedelta(seconds=30)
    return LLMState.objects.create(
        name=NAME,
        failures=10,
        failing_since=now,
        opened_at=now,
        open_until=soon,
        error_code="unavailable",
        error="Down.",
    )


def told(user: Any = SYSTEM) -> dict[str, Any]:
    return llm_as_dict(visible_llms(user).get(name=NAME))


def test_how_it_stands(down: LLMState) -> None:
    now = database_now()
    for claim in (1, None, None):
        LLMPlace.objects.create(
            run_id=uuid7(), llm=NAME, queued_at=now, starts_at=now, until=now + timedelta(60), claim_number=claim
        )
    found = told()
    assert (found["breaker"], found["failures"], found["error_code"]) == ("open", 10, "unavailable")
    assert (found["under_way"], found["waiting"]) == (1, 2)
    LLMState.objects.update(open_until=now - timedelta(seconds=1))
    assert told()["breaker"] == "half_open"


def test_it_is_closed_by_who_may(down: LLMState) -> None:
    assert close_breaker(NAME, by=person("olga", "agents_app.close_breaker"))
    found = told()
    assert (found["breaker"], found["failures"], found["opened_at"]) == ("closed", 0, None)
    assert found["error_code"] == "unavailable", "what was wrong stays to be read"
    assert not close_breaker(NAME, by=SYSTEM), "it is closed already"


def test_nobody_else(down: LLMState) -> None:
    viewer, nobody = person("vera", "agents_app.view_llmstate"), person("nora")
    for user in (viewer, nobody):
        with pytest.raises(NotPermitted):
            close_breaker(NAME, by=user)
    assert visible_llms(viewer).exists()
    assert not visible_llms(nobody).exists()
    assert told()["breaker"] == "open"


def test_one_that_is_not_known() -> None:
    for name in ("oracle", "", "\x00", "x" * 300):
        with pytest.raises(NotFound):
            close_breaker(name, by=SYSTEM)
