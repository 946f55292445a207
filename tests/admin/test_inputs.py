"""Questions and their answers."""

import html
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents_app.core.status import InputStatus, RunStatus
from agents_app.models import InputRequest
from agents_app.services import answer_input, cancel_run
from agents_app.testing import move_time
from tests.admin.conftest import list_of, page_of, question_of, told
from tests.admin.till import EVIL


def answer(client: Any, run: Any, **typed: str) -> Any:
    return client.post(page_of(question_of(run)), {f"argument-{name}": value for name, value in typed.items()})


def test_answering_lets_the_run_go_on(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("ask")
    client = as_("lead")
    page = client.get(page_of(question_of(run))).content.decode()
    assert "Which colour?" in page
    assert "<textarea" in page
    response = answer(client, run, value="green\nor blue")
    assert response["Location"] == page_of(run)
    till.run_until_idle()
    assert run.again().status == RunStatus.COMPLETED
    assert question_of(run).answered_by_name == "lead"
    page = client.get(page_of(run)).content.decode()
    assert "<strong>lead</strong> answered" in page
    assert "green\nor blue" in page
    assert LogEntry.objects.get().change_message == "answered"


def test_a_question_with_a_schema_has_its_fields(as_: Any, run_of: Any) -> None:
    run = run_of("ask schema")
    client = as_("lead")
    page = client.get(page_of(question_of(run)))
    assert "<select" in page.content.decode()
    for typed, message in (
        ({"colour": '"red"', "count": "many"}, "Enter a whole number."),
        ({"colour": '"red"', "count": "0"}, "0 is less than the minimum of 1"),
    ):
        response = answer(client, run, **typed)
        assert response.status_code == 400
        assert message in html.unescape(str(response.context["form"].errors["count"]))
        assert f'value="{typed["count"]}"' in response.content.decode()
    answer(client, run, colour='"red"', count="2")
    assert question_of(run).answer == {"colour": "red", "count": 2}


def test_an_answer_is_text_and_not_empty(as_: Any, run_of: Any) -> None:
    run = run_of("ask")
    client = as_("lead")
    response = answer(client, run, value="  ")
    assert response.status_code == 400
    assert "must not be empty" in response.content.decode()
    answer(client, run, value=EVIL)
    for page in (client.get(page_of(run)), client.get(page_of(question_of(run)))):
        assert "<script>alert" not in page.content.decode()
        assert html.escape(EVIL) in page.content.decode()


def test_the_runs_own_user_answers(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("ask", user=people["requester"])
    client = as_("requester")
    assert "Which colour?" in client.get(page_of(question_of(run))).content.decode()
    assert page_of(question_of(run)) in client.get(page_of(run)).content.decode()
    assert answer(client, run, value="blue").status_code == 302
    assert question_of(run).answer == "blue"


def test_somebody_was_faster(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("ask")
    client = as_("lead")
    answer_input(question_of(run).pk, "green", by=people["customer"])
    response = answer(client, run, value="my own words")
    assert response.status_code == 409
    page = response.content.decode()
    assert "customer has answered this" in page
    assert "my own words" in page


def test_the_same_answer_twice(as_: Any, run_of: Any) -> None:
    run = run_of("ask")
    client = as_("lead")
    first, again = answer(client, run, value="blue"), answer(client, run, value="blue")
    assert first.status_code == again.status_code == 302
    assert LogEntry.objects.count() == 1
    assert "goes on" in told(again)


def test_too_late(as_: Any, run_of: Any, settings: Any, people: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "INPUT_EXPIRES_SECONDS": 60}
    run = run_of("ask")
    with move_time(120):
        assert answer(as_("lead"), run, value="blue").status_code == 410
    cancel_run(run.id, by=people["lead"])
    assert answer(as_("lead"), run, value="blue").status_code == 409
    assert InputRequest.objects.get().status == InputStatus.WITHDRAWN


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("reader", 403), ("nobody", 404), ("gone", 302)])
def test_who_may_not_answer_cannot(as_: Any, run_of: Any, name: str, status: int) -> None:
    run = run_of("ask")
    assert answer(as_(name), run, value="blue").status_code == status
    assert question_of(run).status == InputStatus.PENDING


def test_who_may_not_read_sees_that_there_is_a_question(as_: Any, run_of: Any) -> None:
    run = run_of("ask")
    client = as_("viewer")
    for page in (client.get(page_of(question_of(run))), client.get(list_of("inputrequest"))):
        assert page.status_code == 200
        assert "Which colour?" not in page.content.decode()
    assert "Which colour?" in as_("reader").get(list_of("inputrequest")).content.decode()
    assert as_("approver").get(page_of(question_of(run))).status_code == 200


def test_who_has_a_list(as_: Any, run_of: Any) -> None:
    run_of("ask")
    assert as_("nobody").get(list_of("inputrequest")).status_code == 403
    page = as_("lead").get(list_of("inputrequest"), {"status": "pending", "q": "customer"}).content.decode()
    assert "Which colour?" in page
