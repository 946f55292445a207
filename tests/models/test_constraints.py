"""The database itself refuses what must not be. One case for each constraint."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents_app.models import RuleVersion
from tests import office
from tests.models import rows

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def twice(make: Callable[..., Any], **fields: Any) -> None:
    make(**fields)
    make(**fields)


def two_open_requests() -> None:
    call = rows.call()
    rows.request(call=call, status="approved", valid_until=NOW)
    rows.request(call=call)


def two_open_turns() -> None:
    context = rows.context()
    for number in (1, 2):
        rows.step(context=context, number=number, kind="think")


def two_final_decisions() -> None:
    request = rows.request()
    rows.decision(request=request, verdict="approved")
    rows.decision(request=request, verdict="rejected")


def same_step_number() -> None:
    twice(rows.step, context=rows.context())


def same_call_number() -> None:
    by = rows.step()
    rows.call(proposed_by=by)
    rows.call(proposed_by=by, provider_id="c2")


def same_call_id() -> None:
    by = rows.step()
    rows.call(proposed_by=by)
    rows.call(proposed_by=by, number=2)


def same_question_id() -> None:
    by = rows.step()
    rows.question(proposed_by=by)
    rows.question(proposed_by=by, step=rows.step(context=by.context, number=9))


CASES: dict[str, Callable[[], Any]] = {
    "agents_context_status": lambda: rows.context(status="busy"),
    "agents_context_ended_rests": lambda: rows.context(status="completed", due_at=NOW),
    "agents_context_leased_is_due": lambda: rows.context(lease_until=NOW),
    "agents_context_priority": lambda: rows.context(priority=2),
    "agents_policy_answer": lambda: rows.policy(answer="maybe"),
    "agents_switch_one_off": lambda: twice(rows.switch),
    "agents_grant_scope": lambda: rows.grant(scope="world"),
    "agents_grant_has_its_scope": lambda: rows.grant(scope="session"),
    "agents_grant_owner": lambda: rows.grant(owner_key=""),
    "agents_rule_version_one": lambda: RuleVersion.objects.create(pk=2, version="x"),
    "agents_delegation_period": lambda: rows.delegation(ends_at=NOW, begins_at=NOW),
    "agents_delegation_two_people": lambda: rows.delegation(receiver_key="ann"),
    "agents_named_approver_once": lambda: twice(rows.named_approver, request=rows.request()),
    "agents_slot_once": lambda: twice(rows.slot, context=rows.context()),
    "agents_context_steps_used": lambda: rows.context(steps_used=1),
    "agents_details_idempotency_key": lambda: twice(rows.details, idempotency_key="k"),
    "agents_session_of_user": lambda: twice(rows.session, user=office.person("olga")),
    "agents_session_of_agent": lambda: twice(rows.session),
    "agents_step_number": same_step_number,
    "agents_step_kind": lambda: rows.step(kind="dream"),
    "agents_step_status": lambda: rows.step(status="pending"),
    "agents_step_one_think": two_open_turns,
    "agents_call_number": same_call_number,
    "agents_call_provider_id": same_call_id,
    "agents_call_status": lambda: rows.call(status="done"),
    "agents_call_effect": lambda: rows.call(effect="none"),
    "agents_call_started_is_recorded": lambda: rows.call(status="started", started_at=NOW),
    "agents_call_settled_at": lambda: rows.call(status="succeeded"),
    "agents_approval_status": lambda: rows.request(status="open"),
    "agents_approval_one_open": two_open_requests,
    "agents_approval_validity": lambda: rows.request(status="approved"),
    "agents_decision_verdict": lambda: rows.decision(verdict="maybe"),
    "agents_decision_one_final": two_final_decisions,
    "agents_input_status": lambda: rows.question(status="open"),
    "agents_input_provider_id": same_question_id,
    "agents_event_sequence": lambda: twice(rows.event, context=rows.context()),
    "agents_event_type": lambda: rows.event(type="run.exploded"),
    "agents_cursor_one": lambda: twice(rows.cursor, context=rows.context()),
    "agents_notification_state": lambda: rows.notification(state="lost"),
    "agents_notification_once": lambda: twice(rows.notification, request=rows.request()),
    "agents_preference_mode": lambda: rows.preference(mode="often"),
    "agents_preference_one": lambda: twice(rows.preference, user=office.person("olga")),
    "agents_response_key": lambda: twice(rows.response),
    "agents_archive_state": lambda: rows.archive(state="lost"),
    "agents_archived_status": lambda: rows.archived(status="idle"),
    "agents_fact_origin": lambda: rows.fact(origin="nobody"),
    "agents_fact_visibility": lambda: rows.fact(visibility="world"),
    "agents_fact_confidence": lambda: rows.fact(confidence=1.5),
    "agents_fact_one_of_key": lambda: twice(rows.fact, key="city"),
    "agents_entity_origin": lambda: rows.entity(origin="nobody"),
    "agents_entity_visibility": lambda: rows.entity(visibility="world"),
    "agents_entity_one_of_name": lambda: twice(rows.entity),
    "agents_memory_change_kind": lambda: rows.memory_change(kind="rumour"),
    "agents_memory_change_act": lambda: rows.memory_change(act="guessed"),
    "agents_budget_scope": lambda: rows.budget(scope="world"),
    "agents_budget_period": lambda: rows.budget(period="year"),
    "agents_budget_of_one": lambda: rows.budget(scope="run"),
    "agents_budget_of_run": lambda: twice(rows.budget, scope="run", context=rows.context()),
    "agents_budget_of_session": lambda: twice(rows.budget, scope="session", session=rows.session()),
    "agents_budget_of_user": lambda: twice(rows.budget, user=office.person("olga")),
}
MORE: list[Callable[[], Any]] = [
    lambda: rows.context(status="failed", due_at=NOW, lease_until=NOW),
    lambda: rows.call(status="ready", settled_at=NOW),
    lambda: rows.call(status="started", started_at=NOW, step=rows.step()),
    lambda: twice(rows.archive),
    lambda: rows.archived(idempotency_key="k") and rows.archived(archive=rows.archive(name="b"), idempotency_key="k"),
    lambda: rows.budget(scope="user", session=rows.session()),
    lambda: rows.budget(scope="session", session=rows.session(), context=rows.context()),
]


def constraints() -> set[str]:
    models = apps.get_app_config("agents_app").get_models()
    return {constraint.name for model in models for constraint in model._meta.constraints}


def test_there_is_a_case_for_every_constraint() -> None:
    assert constraints() == set(CASES)


@pytest.mark.parametrize("break_it", [*CASES.values(), *MORE], ids=[*CASES, *map(str, range(len(MORE)))])
def test_the_database_refuses(break_it: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        break_it()


def test_what_is_alike_but_allowed() -> None:
    olga, otto = office.person("olga"), office.person("otto")
    for session in ({"user": olga}, {"user": otto}, {"agent": "other"}, {}):
        rows.session(**session)
    call = rows.call()
    rows.request(call=call, status="rejected")
    first = rows.request(call=call, status="withdrawn")
    rows.request(call=call, supersedes=first)
    rows.details(idempotency_key=None)
    rows.details(idempotency_key=None)
    rows.call(status="unknown")
    rows.context(status="paused")
    for period in ("ever", "day"):
        rows.budget(period=period, user=olga)
        rows.budget(period=period, user=otto)
    twice(rows.budget)  # of users who are deleted
    file = rows.archive()
    for status in ("completed", "failed"):
        rows.archived(archive=file, status=status)
