"""The pages of event handlers: what is parked or failing and why, and how people let them go on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from agents_app.admin import handler_lists, handlers
from agents_app.core.events import RecordedEvent
from agents_app.models import EventCursor
from agents_app.runtime.handling import deliver
from agents_app.services import Run, release_handler
from tests.admin.conftest import list_of, told
from tests.ears import Ear, ear, no_handlers
from tests.office import person

VIEW, CONTROL, VIEW_RUN = (
    f"agents_app.{name}" for name in ("view_eventcursor", "control_eventcursor", "view_agentcontext")
)
PAGE = "admin:agents_app_eventcursor_change"


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with no_handlers():
        yield


@pytest.fixture
def client_of(db: None) -> Callable[..., Client]:
    def client(*permissions: str) -> Client:
        client = Client()
        client.force_login(person(f"user-{len(permissions)}", *permissions, is_staff=True))
        return client

    return client


def boom(event: RecordedEvent) -> None:
    raise RuntimeError("no <b>luck</b>")


@pytest.fixture
def broken(run_of: Any) -> tuple[Ear, list[Run[Any]]]:
    """`ear` is parked for two runs, `failing` fails with both, and `fine` has heard of all."""
    found = ear("run.started", does=boom, attempts=1)
    ear("run.started", name="failing", does=boom)
    ear("run.started", name="fine")
    runs = [run_of("hello"), run_of("look")]
    deliver()
    return found, runs


def parked() -> list[EventCursor]:
    return list(EventCursor.objects.parked().order_by("pk"))


def act(client: Client, action: str, rows: list[EventCursor], **given: Any) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], "index": 0, **given}
    return client.post(list_of("eventcursor") + "?state=all", data)


def url(verb: str, row: EventCursor) -> str:
    return reverse(f"admin:agents_app_eventcursor_{verb}", args=[row.pk])


def names_in(client: Client, **query: str) -> list[str]:
    changes = client.get(list_of("eventcursor"), query).context["cl"]
    return sorted(row.handler for row in changes.result_list)


def test_the_list_begins_with_what_is_parked_or_failing(client_of: Any, broken: Any) -> None:
    client = client_of(VIEW)
    text = client.get(list_of("eventcursor")).content.decode()
    assert text.count("Parked</span>") == text.count("Failing</span>") == 2
    assert "Up to date" not in text
    assert "RuntimeError: no &lt;b&gt;luck&lt;/b&gt;" in text
    assert "<b>luck" not in text
    assert "<h1>Event handlers</h1>" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["ear", "ear", "failing", "failing"]),
        ({"state": "parked"}, ["ear", "ear"]),
        ({"state": "failing"}, ["failing", "failing"]),
        ({"state": "waiting"}, []),
        ({"state": "all", "handler": "fine"}, ["fine", "fine"]),
        ({"handler": "failing"}, ["failing", "failing"]),
        ({"agent": "till", "state": "parked"}, ["ear", "ear"]),
        ({"q": "ear"}, ["ear", "ear"]),
    ],
)
def test_filters(client_of: Any, broken: Any, query: dict[str, str], expected: list[str]) -> None:
    assert names_in(client_of(VIEW), **query) == expected


def test_what_was_released_and_what_nobody_took_yet_are_failing_and_waiting(client_of: Any, broken: Any) -> None:
    EventCursor.objects.filter(handler="fine").update(sequence=0)
    assert names_in(client_of(VIEW), state="waiting") == ["fine", "fine"]


def test_by_run(client_of: Any, broken: Any) -> None:
    assert names_in(client_of(VIEW), q=str(broken[1][0].id)) == ["ear", "failing"]


def test_the_list_counts_to_a_bound(
    client_of: Any, broken: Any, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(handler_lists, "COUNTED", 3)
    client = client_of(VIEW)
    with django_assert_max_num_queries(16) as asked:
        changes = client.get(list_of("eventcursor")).context["cl"]
    assert (changes.result_count, changes.full_result_count) == (3, None)
    counts = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts)


def test_the_run_is_a_link_for_who_may_see_it(client_of: Any, broken: Any) -> None:
    row = parked()[0]
    address = reverse("admin:agents_app_agentcontext_change", args=[row.context_id])
    for permissions, linked in (((VIEW,), False), ((VIEW, VIEW_RUN), True)):
        client = client_of(*permissions)
        for page in (list_of("eventcursor"), reverse(PAGE, args=[row.pk])):
            assert (address in client.get(page).content.decode()) is linked


def test_a_viewer_reads_why_and_changes_nothing(client_of: Any, broken: Any) -> None:
    client, row = client_of(VIEW), parked()[0]
    text = client.get(reverse(PAGE, args=[row.pk])).content.decode()
    assert "no &lt;b&gt;luck&lt;/b&gt;" in text
    assert "1 (run.started)" in text
    assert "Try again" not in text
    assert "Skip event" not in text
    assert "release_selected" not in client.get(list_of("eventcursor")).content.decode()
    for verb in ("release", "skip"):
        assert "control_eventcursor" in told(client.post(url(verb, row), {"event": "1"}))
    act(client, "release_selected", [row])
    act(client, "skip_selected", [row], post="yes", **{f"event-{row.pk}": "1"})
    assert len(parked()) == 2
    assert not LogEntry.objects.exists()


def test_nobody_else(client_of: Any, broken: Any) -> None:
    client, row = client_of(), parked()[0]
    assert client.get(list_of("eventcursor")).status_code == 403
    assert client.get(reverse(PAGE, args=[row.pk])).status_code == 404
    for verb in ("release", "skip"):
        assert client.post(url(verb, row), {"event": "1"}).status_code == 404
    assert act(client, "release_selected", [row]).status_code == 403
    assert len(parked()) == 2


def test_one_is_released(client_of: Any, broken: Any) -> None:
    handler, _ = broken
    client, row = client_of(CONTROL), parked()[0]
    assert "Try again" in client.get(reverse(PAGE, args=[row.pk])).content.decode()
    client.get(url("release", row))
    assert len(parked()) == 2, "a look releases nothing"
    answer = client.post(url("release", row))
    assert answer["Location"] == reverse(PAGE, args=[row.pk])
    assert "told the event again" in told(answer)
    assert [each.pk for each in parked()] != [row.pk]
    assert (LogEntry.objects.get().object_id, LogEntry.objects.get().change_message) == (str(row.pk), "released")
    assert "Try again" not in client.get(reverse(PAGE, args=[row.pk])).content.decode()
    handler.does = None
    deliver()
    assert [event.run_id for event in handler.heard[2:]] == [row.context_id]
    assert "not parked" in told(client.post(url("release", row)))


def test_the_event_that_was_shown_is_skipped_and_no_other(client_of: Any, broken: Any) -> None:
    handler, _ = broken
    client, row = client_of(CONTROL), parked()[0]
    text = client.get(reverse(PAGE, args=[row.pk])).content.decode()
    assert 'name="event" value="1"' in text
    for wrong in ({}, {"event": "2"}, {"event": "x"}):
        assert "another event" in told(client.post(url("skip", row), wrong))
    assert len(parked()) == 2
    assert "without that event" in told(client.post(url("skip", row), {"event": "1"}))
    row.refresh_from_db()
    assert (row.parked_at, row.sequence) == (None, 1)
    assert LogEntry.objects.get().change_message == "skipped an event"
    deliver()
    assert len(handler.heard) == 2, "it is not told again"


def test_selected_ones_are_released(client_of: Any, broken: Any) -> None:
    client = client_of(CONTROL)
    answer = act(client, "release_selected", [*parked(), *EventCursor.objects.filter(handler="failing")])
    assert "Done for 2 runs: the handler is told the event again." in told(answer)
    assert "2 of them are not parked" in told(answer)
    assert parked() == []
    assert LogEntry.objects.count() == 2


def test_so_many_at_once(client_of: Any, broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "AT_ONCE", 1)
    answer = act(client_of(CONTROL), "release_selected", parked())
    assert "Only the first 1" in told(answer)
    assert "Done for 1 run:" in told(answer)
    assert len(parked()) == 1


def test_selected_events_are_skipped_after_a_question(client_of: Any, broken: Any) -> None:
    client, rows = client_of(CONTROL), parked()
    page = act(client, "skip_selected", rows).content.decode()
    assert "Skip these 2 events?" in page
    assert page.count("event 1 (run.started)") == 2
    assert len(parked()) == 2, "only asked"
    release_handler(rows[0].pk, by=person("other", CONTROL))
    answer = act(client, "skip_selected", rows, post="yes", **{f"event-{row.pk}": "1" for row in rows})
    assert "Done for 1 run: the handler goes on without the event." in told(answer)
    assert f"run {rows[0].context_id}: This event handler is not parked" in told(answer)
    rows[1].refresh_from_db()
    assert (rows[1].parked_at, rows[1].sequence) == (None, 1)


def test_what_the_code_does_not_know_cannot_be_skipped(client_of: Any, broken: Any) -> None:
    client, row = client_of(CONTROL), parked()[0]
    with no_handlers():
        text = client.get(reverse(PAGE, args=[row.pk])).content.decode()
        assert "agents_handlers --forget" in text
        assert "Try again" in text
        assert "Skip event" not in text
        assert "does not say which event ear" in told(act(client, "skip_selected", [row]))
    assert len(parked()) == 2


def test_one_that_has_heard_of_all(client_of: Any, broken: Any) -> None:
    row = EventCursor.objects.filter(handler="fine").latest("pk")
    text = client_of(CONTROL).get(reverse(PAGE, args=[row.pk])).content.decode()
    assert "It has heard of everything" in text
    assert "Next event" not in text
    assert "Try again" not in text
