"""The support agent: its tools by themselves, and its stories on the offline LLM and on a script."""

from decimal import Decimal

import pytest
from django.core import mail

from agents_app import ToolFailed, tool_context
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of
from agents_app.exceptions import NotPermitted
from agents_app.models import ApprovalRequest, Fact, InputRequest, RunBriefing, ToolCall
from agents_app.services import answer_input, approve, reject, start_run
from agents_app.testing import calls, run_until_idle, scripted_llm
from project.demo.agents import Reply, SupportAgent
from project.demo.models import Order, Refund

pytestmark = pytest.mark.django_db


def order(number="A-1001"):
    return Order.objects.get(number=number)


def begin(text, user):
    """Start a run and drive it until it rests."""
    run = start_run(SupportAgent, text, user=user)
    run_until_idle()
    return run.again()


def pending(run):
    return ApprovalRequest.objects.get(context_id=run.id, status="pending")


class TestTools:
    def test_an_order_is_looked_up(self, person):
        info = SupportAgent().lookup_order(tool_context(user=person("customer")), "a-1001 ")
        assert (info.number, info.total, info.refundable) == ("A-1001", Decimal(120), Decimal(120))

    def test_a_customer_does_not_see_others_orders(self, person):
        with pytest.raises(ToolFailed, match="no order B-2001"):
            SupportAgent().lookup_order(tool_context(user=person("customer")), "B-2001")
        assert SupportAgent().lookup_order(tool_context(user=person("lead")), "B-2001").number == "B-2001"

    def test_a_refund_writes_both_rows(self, person):
        receipt = SupportAgent().refund(tool_context(user=person("customer")), "A-1001", Decimal("20.50"))
        assert receipt.amount == Decimal("20.50")
        assert order().refunded == Decimal("20.50")
        assert [row.amount for row in order().refunds.all()] == [Decimal("20.50")]

    def test_no_more_than_the_rest_is_paid_back(self, person):
        context = tool_context(user=person("customer"))
        SupportAgent().refund(context, "A-1001", Decimal(100))
        with pytest.raises(ToolFailed, match="left to pay back"):
            SupportAgent().refund(tool_context(user=person("customer")), "A-1001", Decimal(21))
        assert order().refunded == 100
        assert SupportAgent().refund_is_possible(context, "A-1001", Decimal(20)) is True
        assert "only 20.00 EUR" in str(SupportAgent().refund_is_possible(context, "A-1001", Decimal(21)))

    def test_people_are_asked_above_the_free_hand(self, person):
        context = tool_context(user=person("customer"))
        assert SupportAgent().refund_needs_approval(context, "A-1001", Decimal(50)) is False
        assert "50 EUR" in str(SupportAgent().refund_needs_approval(context, "A-1001", Decimal("50.01")))

    def test_the_declaration_is_the_designs(self):
        refund = definition_of(SupportAgent).tools["refund"]
        assert (refund.effect, refund.permission) == ("atomic", "shop.refund_order")
        assert definition_of(SupportAgent).tools["send_email"].effect == "external"


class TestStories:
    def test_a_question_about_an_order_is_answered(self, person):
        run = begin("Where is my order A-1002?", person("customer"))
        assert run.status == RunStatus.COMPLETED
        assert "shipped" in run.output.text

    def test_what_it_shall_remember_is_told_to_later_runs_of_this_customer_alone(self, person):
        run = begin("Please remember that I prefer to be called.", person("customer"))
        assert run.status == RunStatus.COMPLETED
        assert ToolCall.objects.get(context_id=run.id).tool == "remember"
        fact = Fact.objects.get()
        assert (fact.text, fact.origin) == ("I prefer to be called.", "llm")
        back = begin("Hello, it is me again. What do you know of me?", person("customer"))
        assert back.output.text == "You told me: “I prefer to be called.”"
        assert "prefer" not in begin("What do you know of me?", person("approver")).output.text
        later = begin("Where is my order A-1002?", person("customer"))
        assert later.status == RunStatus.COMPLETED
        assert "prefer to be called" in str(RunBriefing.objects.get(pk=later.id).content)
        other = begin("Where is my order A-1002?", person("approver"))
        assert "prefer to be called" not in str(RunBriefing.objects.filter(pk=other.id).values_list("content"))

    def test_a_large_refund_waits_and_an_edit_counts(self, person):
        run = begin("My kettle of order A-1001 broke. Please refund it.", person("customer"))
        assert run.status == RunStatus.WAITING_FOR_APPROVAL
        assert not Refund.objects.exists()
        request = pending(run)
        assert request.summary == "Pay 120 EUR of A-1001 back"
        arguments = {"number": "A-1001", "amount": "100"}
        approve(request.pk, by=person("approver"), digest=request.digest, arguments=arguments)
        run_until_idle()
        run = run.again()
        assert run.status == RunStatus.COMPLETED
        assert run.output.refunded == 100
        assert order().refunded == 100
        refund = Refund.objects.get()
        assert refund.key == ToolCall.objects.get(context_id=run.id, tool="refund").idempotency_key

    def test_a_rejection_is_taken_up(self, person):
        run = begin("Please refund 60 EUR of A-1002", person("customer"))
        reject(pending(run).pk, by=person("lead"), reason="Only the cups broke")
        run_until_idle()
        run = run.again()
        assert run.status == RunStatus.COMPLETED
        assert "Only the cups broke" in run.output.text
        assert not Refund.objects.exists()

    def test_a_small_refund_is_paid_at_once(self, person):
        run = begin("Please refund 10 EUR of A-1003", person("customer"))
        assert run.status == RunStatus.COMPLETED
        assert order("A-1003").refunded == 10

    def test_a_missing_number_is_asked_for(self, person):
        customer = person("customer")
        run = begin("My tea strainer broke, I want my money back.", customer)
        assert run.status == RunStatus.WAITING_FOR_INPUT
        answer_input(InputRequest.objects.get().pk, "A-1003", by=customer)
        run_until_idle()
        assert run.again().status == RunStatus.COMPLETED
        assert order("A-1003").refunded == Decimal("29.90")

    def test_money_that_is_gone_meanwhile_is_not_paid(self, person):
        run = begin("Please refund 120 EUR of A-1001", person("customer"))
        SupportAgent().refund(tool_context(user=person("customer")), "A-1001", Decimal(30))
        request = pending(run)
        approve(request.pk, by=person("approver"), digest=request.digest)
        run_until_idle()
        call = ToolCall.objects.get(context_id=run.id, tool="refund")
        assert call.status == ToolCallStatus.REJECTED
        assert "only 90.00 EUR" in call.error
        assert order().refunded == 30

    @pytest.mark.parametrize("name", ["viewer", "customer"])
    def test_not_everybody_decides(self, person, name):
        request = pending(begin("Please refund 120 EUR of A-1001", person("customer")))
        with pytest.raises(NotPermitted):
            approve(request.pk, by=person(name), digest=request.digest)

    def test_a_mail_to_a_stranger_waits_and_one_to_the_customer_does_not(self, person):
        customer = person("customer")
        text = {"subject": "Hello", "text": "We are closed."}
        for address, status in ((customer.email, RunStatus.COMPLETED), ("eve@example.org", "waiting_for_approval")):
            turns = calls("send_email", to=address, **text), Reply(text="Written.")
            with scripted_llm(SupportAgent, *turns):
                assert begin(f"Write to {address}", customer).status == status
        assert [message.to for message in mail.outbox] == [[customer.email]]

    def test_wrong_amounts_of_an_llm_pay_nothing(self, person):
        negative, huge = calls("refund", number="A-1001", amount="-5"), calls("refund", number="A-1001", amount=500)
        with scripted_llm(SupportAgent, negative, huge, Reply(text="No.")):
            run = begin("Refund all", person("customer"))
        assert run.status == RunStatus.COMPLETED
        found = ToolCall.objects.filter(context_id=run.id).order_by("number")
        assert [call.error_code for call in found] == ["invalid_arguments", "precondition"]
        assert not Refund.objects.exists()
