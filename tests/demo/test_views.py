"""The customer's pages, without JavaScript."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from agents_app.models import AgentContext, InputRequest
from agents_app.services import start_run
from agents_app.testing import calls, run_until_idle, scripted_llm
from project.demo.agents import Reply, SupportAgent

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(person, client):
    """Logged in."""
    user = person("customer")
    client.force_login(user)
    return user


def begin(user, text="Where is my order A-1002?", *turns):
    if turns:
        with scripted_llm(SupportAgent, *turns):
            run = start_run(SupportAgent, text, user=user)
            run_until_idle()
    else:
        run = start_run(SupportAgent, text, user=user)
        run_until_idle()
    return run.again()


def html(response):
    return response.content.decode()


def page(run):
    return reverse("shop:run", args=[run.id])


def answer_url(run, question):
    return reverse("shop:answer", args=[run.id, question.pk])


class TestWhoMayCome:
    def test_login_comes_first(self, shop, client):
        response = client.get("/", follow=True)
        assert "Log in" in html(response)
        assert "the password is the user name" in html(response)
        response = client.post(response.request["PATH_INFO"], {"username": "customer", "password": "customer"})
        assert response.url == "/"

    @pytest.mark.parametrize("name", ["run", "fragment", "cancel"])
    def test_a_foreign_run_is_not_found(self, customer, client, name):
        other = User.objects.create_user("other")
        url = reverse(f"shop:{name}", args=[begin(other).id])
        response = client.post(url) if name == "cancel" else client.get(url)
        assert response.status_code == 404

    def test_a_foreign_question_is_not_found(self, customer, client):
        theirs = begin(User.objects.create_user("other"), "I want my money back")
        mine = begin(customer)
        question = InputRequest.objects.get(context_id=theirs.id)
        assert client.post(answer_url(theirs, question), {"answer": "A-1001"}).status_code == 404
        assert client.post(answer_url(mine, question), {"answer": "A-1001"}).status_code == 404
        question.refresh_from_db()
        assert question.status == "pending"

    def test_staff_see_only_their_own_runs_here(self, customer, client, person):
        run = begin(customer)
        client.force_login(person("admin"))
        assert client.get(page(run)).status_code == 404
        assert "Where is my order A-1002?" not in html(client.get(reverse("shop:runs")))

    def test_without_the_permission_nothing_starts(self, person, client):
        client.force_login(person("viewer"))
        assert "may not start runs" in html(client.get("/"))
        assert client.post(reverse("shop:start"), {"input": "Hello"}).status_code == 403
        assert not AgentContext.objects.exists()

    def test_changes_are_posts(self, customer, client):
        run = begin(customer, "I want my money back")
        for name, arguments in (("start", []), ("cancel", [run.id]), ("answer", [run.id, uuid4()])):
            assert client.get(reverse(f"shop:{name}", args=arguments)).status_code == 405


class TestStart:
    def test_a_run_is_started_once(self, customer, client):
        key = re.search(r'name="key" value="([^"]+)"', html(client.get("/"))).group(1)
        posted = {"input": "Where is my order A-1004?", "key": key}
        first = client.post(reverse("shop:start"), posted)
        second = client.post(reverse("shop:start"), posted)
        run = AgentContext.objects.get()
        assert first.url == second.url == reverse("shop:run", args=[run.pk])
        assert run.user == customer
        response = client.get(first.url)
        assert "Accepted" in html(response)
        assert '<noscript><meta http-equiv="refresh"' in html(response)

    @pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
    def test_an_unusable_input_is_explained(self, customer, client, text):
        response = client.post(reverse("shop:start"), {"input": text})
        assert response.status_code == 400
        assert "errorlist" in html(response)
        assert not AgentContext.objects.exists()


class TestRun:
    def test_an_answered_run(self, customer, client):
        run = begin(customer)
        text = html(client.get(page(run)))
        assert "Answered" in text
        assert "Look order A-1002 up" in text
        assert "shipped" in text
        assert "http-equiv" not in text
        assert reverse("shop:cancel", args=[run.id]) not in text
        assert "Answered" in html(client.get("/"))

    def test_a_waiting_refund(self, customer, client):
        run = begin(customer, "Refund A-1001, it broke")
        text = html(client.get(reverse("shop:fragment", args=[run.id])))
        assert text.startswith('<article class="conversation"')
        assert f'data-version="{run.version}"' in text
        assert "A colleague decides" in text
        assert "Pay 120 EUR of A-1001 back" in text

    def test_the_question_is_answered(self, customer, client):
        run = begin(customer, "I want my money back")
        question = InputRequest.objects.get()
        assert "Which order is it about?" in html(client.get(page(run)))
        refused = client.post(answer_url(run, question), {f"answer-{question.pk}-answer": " "})
        assert refused.status_code == 400
        assert "This field is required" in html(refused)
        done = client.post(answer_url(run, question), {f"answer-{question.pk}-answer": "A-1003"})
        assert done.url == page(run)
        run_until_idle()
        text = html(client.get(page(run)))
        assert "29.90 EUR refunded" in text
        assert text.index("Which order") < text.index("A-1003</li>") < text.index("Pay 29.90 EUR of A-1003 back")
        late = client.post(answer_url(run, question), {f"answer-{question.pk}-answer": "A-1001"})
        assert late.status_code == 400

    def test_an_answer_by_a_schema(self, customer, client):
        schema = {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1}}, "required": ["count"]}
        ask = calls("ask_user", question="How many?", schema=schema)
        run = begin(customer, "Cups, please", ask)
        question = InputRequest.objects.get()
        assert 'type="number"' in html(client.get(page(run)))
        few = client.post(answer_url(run, question), {f"answer-{question.pk}-count": "0"})
        assert few.status_code == 400
        assert "does not fit" in html(few)
        client.post(answer_url(run, question), {f"answer-{question.pk}-count": "3"})
        question.refresh_from_db()
        assert question.answer == {"count": 3}
        assert "count: 3" in html(client.get(page(run)))

    def test_it_is_cancelled(self, customer, client):
        run = begin(customer, "I want my money back")
        assert client.post(reverse("shop:cancel", args=[run.id])).url == page(run)
        run_until_idle()
        assert run.again().status == "cancelled"
        text = html(client.get(page(run)))
        assert "Cancelled" in text
        assert "is no longer needed" in text
        again = client.post(reverse("shop:cancel", args=[run.id]), follow=True)
        assert "has ended" in html(again)

    def test_nothing_said_becomes_markup(self, customer, client):
        evil = "<script>alert(1)</script>"
        run = begin(customer, evil, Reply(text=evil))
        text = html(client.get(page(run)))
        assert evil not in text
        assert text.count("&lt;script&gt;alert(1)") == 2

    def test_a_failed_run_says_so(self, customer, client):
        run = begin(customer, "Hello", ValueError("broken"))
        assert run.status == "failed"
        assert "This did not work." in html(client.get(page(run)))


def test_the_offline_llm_is_announced(customer, client, settings):
    assert "is not intelligent" in html(client.get("/"))
    settings.AGENTS_APP = {**settings.AGENTS_APP, "DEFAULT_LLM": "openai:gpt-5-mini"}
    assert "is not intelligent" not in html(client.get("/"))


def test_pages_need_no_inline_code(customer, client):
    run = begin(customer, "I want my money back")
    for url in ("/", page(run), reverse("login")):
        response = client.get(url)
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html(response))
