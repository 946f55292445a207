"""A whole run in a fresh project, as a script: start, wait for approval, edit, approve, ask, answer, end.

Run by test_configurations.py with one of the settings beside; every `assert` is a part of the test.
"""

import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django has to be set up first
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from agents_app.conf import conf  # noqa: E402
from agents_app.core.status import RunStatus  # noqa: E402
from agents_app.definitions.registry import override_llm, registry  # noqa: E402
from agents_app.gate.contexts import user_of  # noqa: E402
from agents_app.models import (  # noqa: E402
    AgentContext,
    ApprovalRequest,
    Decision,
    InputRequest,
    Notification,
    database_now,
)
from agents_app.runtime.drive import drive_due  # noqa: E402
from agents_app.runtime.recovery import sweep  # noqa: E402
from agents_app.selectors.notifications import notification_as_dict, visible_notifications  # noqa: E402
from agents_app.selectors.people import user_named, visible_approvals, visible_runs  # noqa: E402
from agents_app.selectors.runs import runs_about  # noqa: E402
from agents_app.services import Run, answer_input, approve, run_and_wait, start_run  # noqa: E402
from agents_app.testing import calls, script  # noqa: E402
from tests import office  # noqa: E402
from tests.office import Clerk  # noqa: E402

NAME = {"email": "dora@example.com"} if settings.AUTH_USER_MODEL == "people.Person" else {"username": "dora"}


def prepare() -> None:
    call_command("check", "--fail-level", "WARNING")
    for alias in settings.DATABASES:
        call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
    call_command("makemigrations", "agents_app", check=True, dry_run=True, verbosity=0)


def person(name: str, *permissions: str) -> Any:
    field = next(iter(NAME))
    login = f"{name}@example.com" if field == "email" else name
    user = get_user_model().objects.create_user(**{field: login}, password="pw")
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return get_user_model().objects.get(pk=user.pk)


def whole_run(dora: Any, olga: Any) -> None:
    group = Group.objects.create(name="a subject")
    turns = (
        calls("pay", to="Ada", amount="120"),
        calls("ask_user", question="Which?"),
        calls("write", text="x"),
        "Done.",
    )
    with override_llm(Clerk, script(*turns)):
        run = start_run(Clerk, "Pay Ada.", user=olga, session="s", subject=group, idempotency_key="k")
        again = start_run(Clerk, "Pay Ada.", user=olga, session="s", subject=group, idempotency_key="k")
        assert again.id == run.id
        run = run.wait(20)
        assert run.status is RunStatus.WAITING_FOR_APPROVAL, run
        request = ApprovalRequest.objects.get(context_id=run.id)
        about_an_hour(request.expires_at)
        assert visible_approvals(dora).get() == request
        approve(request.pk, by=dora, digest=request.digest, arguments={"to": "Ada", "amount": "100"})
        run = run.wait(20)
        assert run.status is RunStatus.WAITING_FOR_INPUT, run
        answer_input(InputRequest.objects.get(context_id=run.id).pk, "red", by=olga)
        run = run.wait(20)
    assert (run.status, run.output) == (RunStatus.COMPLETED, "Done."), (run, office.done)
    assert [str(value) for _, value in office.done] == ["('Ada', Decimal('100'))", "x"], office.done
    assert [event.sequence for event in run.watch()] == list(range(1, run.version + 1))
    context = AgentContext.objects.get(pk=run.id)
    assert user_of(context) == olga
    assert context.user == olga
    assert context.details.subject == group
    assert [each.pk for each in runs_about(group)] == [run.id]
    assert visible_runs(olga).get() == context
    assert user_named(olga.get_username()) == olga
    who_was_told(context, dora)
    deleting_keeps(run, dora, olga)


def who_was_told(context: AgentContext, dora: Any) -> None:
    now = database_now()
    common = {"context": context, "channel": "email", "sequence": 3, "kind": "approval.requested"}
    Notification.objects.create(recipient=dora, to=str(dora.pk), state_at=now, created_at=now, due_at=now, **common)
    row = visible_notifications(person("boss", "agents_app.view_notification")).get()
    assert notification_as_dict(row)["to"] == dora.get_username()


def deleting_keeps(run: Run[Any], dora: Any, olga: Any) -> None:
    names = dora.get_username(), olga.get_username()
    dora.delete()
    olga.delete()
    decision = Decision.objects.get(call__context_id=run.id)
    context = AgentContext.objects.select_related("details").get(pk=run.id)
    assert (decision.user_name, context.details.user_name) == names
    assert user_of(context) is None


def about_an_hour(moment: Any) -> None:
    assert moment is not None
    assert timedelta(minutes=59) < moment - database_now() < timedelta(minutes=61), moment
    assert timezone.is_aware(moment) is settings.USE_TZ


def time_passes() -> None:
    """A start in the future, given with an offset; the clock of the rows is the database's."""
    soon = datetime.now(ZoneInfo("America/New_York")) + timedelta(hours=1)
    with override_llm(Clerk, script("Later.")):
        run = start_run(Clerk, "x", run_at=soon)
        assert run.status is RunStatus.SCHEDULED
        about_an_hour(AgentContext.objects.get(pk=run.id).due_at)
        assert drive_due() == 0
        assert sweep().due == 0
        AgentContext.objects.filter(pk=run.id).update(run_at=database_now(), due_at=database_now())
        assert sweep(dry_run=True).hinted == (run.id,)
        assert sweep().hinted == (run.id,)
        assert run.wait(20).status is RunStatus.COMPLETED
        assert run_and_wait(Clerk, "x").output == "Later."


def through_views() -> None:
    """As requests: with ATOMIC_REQUESTS a run is driven after the request's transaction, and not if it broke."""
    client = Client(raise_request_exception=False)
    dora = person("dana", *office.DECIDES)
    with override_llm(Clerk, script(calls("pay", to="Ada", amount="120"), "Done.")):
        started = client.get("/start").json()
        assert started["in_transaction"] is settings.DATABASES["default"].get("ATOMIC_REQUESTS", False)
        run = AgentContext.objects.get(pk=started["run"])
        assert run.status == RunStatus.WAITING_FOR_APPROVAL, run.status
        before = AgentContext.objects.count()
        if started["in_transaction"]:
            assert client.get("/broken").status_code == 500
            assert AgentContext.objects.count() == before
        request = ApprovalRequest.objects.get(context=run)
        by = {"request": request.pk, "digest": request.digest, "by": dora.get_username()}
        assert client.get("/decide", by).status_code == 200
        run.refresh_from_db()
        assert run.status == RunStatus.COMPLETED, run.status


def tables_are_where_they_belong() -> None:
    ours = AgentContext._meta.db_table
    for alias in settings.DATABASES:
        there = ours in connections[alias].introspection.table_names()
        assert there is (alias == conf.DATABASE), alias


def main() -> None:
    prepare()
    tables_are_where_they_belong()
    with registry.override(Clerk):
        dora, olga = person("dora", *office.DECIDES), person("olga")
        whole_run(dora, olga)
        time_passes()
        if settings.DATABASES["default"].get("ATOMIC_REQUESTS"):
            through_views()
    sys.stdout.write("all is well\n")


main()
