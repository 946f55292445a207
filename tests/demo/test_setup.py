"""`demo_setup`: what is there after it, and after the second time."""

import pytest
from django.core.management import call_command
from django_q.models import Schedule

from agents_app.knowledge.models import Chunk, Document
from agents_app.models import AgentContext
from agents_app.selectors.people import CONTROL, DECIDE, SETTLE, START, VIEW_RUN, VIEW_SENSITIVE, VIEW_TRANSCRIPT
from agents_app.testing import run_until_idle
from project.demo.goods import STORIES
from project.demo.models import Customer, Order, OrderLine

pytestmark = pytest.mark.django_db


def counts():
    models = (AgentContext, Customer, Order, OrderLine, Schedule)
    return [model.objects.count() for model in models]


def test_the_three_runs_take_their_three_ways(capsys):
    call_command("demo_setup")
    assert "5 users" in capsys.readouterr().out
    run_until_idle()
    runs = AgentContext.objects.select_related("details")
    found = {run.details.input: run.status for run in runs}
    statuses = ["completed", "waiting_for_approval", "waiting_for_input"]
    assert found == dict(zip([story.input for story in STORIES], statuses, strict=True))
    assert runs.get(status="waiting_for_approval").details.subject == Order.objects.get(number="A-1001")


def test_the_second_time_changes_nothing(person):
    call_command("demo_setup", verbosity=0)
    before = counts()
    changed = person("lead")
    changed.set_password("another")
    changed.save()
    Order.objects.filter(number="A-1001").update(status=Order.Status.SHIPPED)
    call_command("demo_setup", verbosity=0)
    assert counts() == before
    assert person("lead").check_password("another")
    assert Order.objects.get(number="A-1001").status == "shipped"


def test_the_handbook_can_be_looked_up():
    call_command("demo_setup", "--no-runs", verbosity=0)
    call_command("demo_setup", "--no-runs", verbosity=0)
    documents = Document.objects.filter(collection__name="handbook")
    assert set(documents.values_list("state", "version")) == {("ready", 1)}
    assert documents.count() == 4
    assert Chunk.objects.current().filter(heading="returns.md › Returns and refunds › How long").exists()


def test_totals_are_the_sums_of_the_lines(shop):
    for order in Order.objects.all():
        assert order.total == sum(line.quantity * line.unit_price for line in order.lines.all())


@pytest.mark.parametrize(
    ("name", "may", "may_not"),
    [
        (
            "approver",
            {VIEW_RUN, VIEW_TRANSCRIPT, DECIDE, SETTLE, "shop.refund_order"},
            {CONTROL, VIEW_SENSITIVE, START},
        ),
        ("lead", {DECIDE, SETTLE, "shop.refund_order", CONTROL, VIEW_SENSITIVE, START}, {"auth.change_user"}),
        ("viewer", {VIEW_RUN, "shop.view_order"}, {VIEW_TRANSCRIPT, VIEW_SENSITIVE, DECIDE, START, CONTROL}),
        ("customer", {START}, {VIEW_RUN, DECIDE, "shop.view_order"}),
        ("admin", {DECIDE, CONTROL, "auth.change_user"}, set()),
    ],
)
def test_everybody_may_what_they_should(person, client, name, may, may_not):
    user = person(name)
    assert {permission for permission in may | may_not if user.has_perm(permission)} == may
    assert client.login(username=name, password=name)
    assert user.is_staff == (name != "customer")
