"""What the how-to pages show works: a page's blocks marked `tested` are one module, used here as the page says."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from django.contrib.auth.models import User
from django.test import Client, override_settings
from pytest_httpserver import HTTPServer

from agents_app import Agent, tool
from agents_app.checks import agent_problems
from agents_app.conf import conf
from agents_app.core.status import ToolCallStatus
from agents_app.definitions.handlers import handlers
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.models import AgentStep, ToolCall
from agents_app.notify.outbox import listen
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.shutdown import replaced
from agents_app.services import read_run, run_and_wait, start_run
from agents_app.tasks import continue_run
from agents_app.testing import AgentsKit, calls
from agents_app.testing.executor import WAITING
from tests.aws.server import aws_environment
from tests.docs import pages
from tests.docs.following import WAITS, new_project
from tests.docs.markdown import DOCS, ROOT, blocks
from tests.knowledge.shelf import collection, shelve
from tests.packaging.test_readme import before_the_start

pytestmark = pytest.mark.once

Load = Callable[[str], ModuleType]


@pytest.fixture
def load() -> Iterator[Load]:
    """The tested blocks of a page, as a module; while the test lasts its agents are the only ones."""
    with ExitStack() as stack:
        stack.enter_context(registry.override())
        stack.enter_context(handlers.override())

        def loaded(page: str) -> ModuleType:
            module = stack.enter_context(pages.loaded(page))
            for agent in registry.classes():
                assert agent_problems(agent) == []
            return module

        yield loaded


@pytest.fixture
def lead(db: None) -> User:
    return User.objects.create_superuser("lead")


def simple_agent(name: str) -> type[Agent[str]]:
    """Registered, without tools."""
    agent: type[Agent[str]] = type("SimpleAgent", (Agent,), {"name": name})
    registry.add(agent)
    return agent


def agents_app(**settings: Any) -> override_settings:
    return override_settings(
        AGENTS_APP={"ENCRYPTION_KEYS": conf.ENCRYPTION_KEYS, "EXECUTOR": conf.EXECUTOR, **settings}
    )


def calls_of(run: Any) -> list[ToolCall]:
    return list(ToolCall.objects.filter(context_id=run.id).order_by("number"))


@pytest.mark.long
def test_one_file_script(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(DOCS / "how-to" / "one-file-script.md") if block.label == "file"]
    (tmp_path / block.argument).write_text(block.text)
    command = [sys.executable, "-W", "error::RuntimeWarning", block.argument]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("completed ")
    assert "sunny" in done.stdout
    assert done.stdout.strip().endswith("run.completed")


@pytest.mark.long
def test_second_database(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", Path(sys.executable).parent)
    for block in before_the_start():
        if block.label in ("file", "append") or "startapp" in block.text:
            project.follow(block)
    agents_py = project.directory / "accounts" / "agents.py"
    agents_py.write_text(agents_py.read_text().replace('"atomic"', '"idempotent"'))
    for block in blocks(DOCS / "how-to" / "second-database.md"):
        project.follow(block)
    project.run("python manage.py check --fail-level WARNING")
    people = "from django.contrib.auth.models import User as U; U.objects.create_user('m', 'm@example.com')"
    project.run(f'python manage.py shell -c "{people}"')
    command = 'python manage.py agents_run accounts "Deactivate the user m@example.com" --user m --here'
    assert "find_user returned" in project.run(command, code=WAITS)
    where = (
        "from agents_app.models import AgentContext as C; found = C.objects.get(); print(found._state.db, found.user)"
    )
    assert "agents m" in project.run(f'python manage.py shell -c "{where}"')


@pytest.mark.django_db
def test_your_own_llm(load: Load, agents: AgentsKit) -> None:
    module = load("your-own-llm")
    simple_agent("echo")
    with agents_app(LLMS={"echo": f"{module.__name__}.EchoLLM"}, DEFAULT_LLM="echo"):
        run = start_run("echo", "Hello!")
        agents.run_until_idle()
    agents.assert_completed(run, "Hello!")


@pytest.mark.django_db
def test_bring_your_own_retriever(load: Load, agents: AgentsKit) -> None:
    module = load("bring-your-own-retriever")
    llm = agents.scripted_llm(module.ShopAgent, "Within thirty days [1].")
    run = start_run("shop", "When may a lamp be sent back?")
    agents.run_until_idle()
    agents.assert_completed(run, "Within thirty days [1].")
    assert "| [1] Returns" in "".join(message.text for message in llm.requests[0].messages)
    step = AgentStep.objects.get(context_id=run.id, kind="think")
    assert step.response == step.response | {"citations": [{"mark": "1", "id": "12", "source": "Returns"}]}


@pytest.mark.django_db
def test_add_knowledge(load: Load, agents: AgentsKit) -> None:
    module = load("add-knowledge")
    handbook = collection()
    shelve(handbook, [("returns", "Returns", "A lamp may be sent back within thirty days.")], lang="en")
    shelve(handbook, [("retouren", "Retouren", "Eine lamp kommt zurück.")], lang="de")
    assert module.sources_for(None, "May I send a lamp back?") == [("Returns", "returns")]
    llm = agents.scripted_llm(module.Helpdesk, "Within thirty days [1].")
    run = start_run("helpdesk", "May I send a lamp back?")
    agents.run_until_idle()
    agents.assert_completed(run, "Within thirty days [1].")
    told = "".join(message.text for message in llm.requests[0].messages)
    assert "| [1] Returns" in told
    assert "Retouren" not in told
    step = AgentStep.objects.get(context_id=run.id, kind="think")
    assert [each["source"] for each in step.response["citations"]] == ["Returns"]


@pytest.mark.django_db
def test_the_search_over_rest_is_asked_as_the_page_says() -> None:
    shelve(collection(), [("returns", "Returns", "A lamp may be sent back within thirty days.")], lang="en")
    (command,) = [block.text for block in blocks(DOCS / "how-to" / "add-knowledge.md") if block.label == "curl"]
    words = shlex.split(command)
    client = Client()
    client.force_login(User.objects.create_user("nina"))
    path = words[-1].removeprefix("https://shop.example.com")
    answer = client.post(path, words[words.index("-d") + 1], content_type="application/json")
    assert [hit["key"] for hit in answer.json()["results"]] == ["returns"]


@pytest.mark.django_db
def test_react_to_events(load: Load, agents: AgentsKit, capsys: pytest.CaptureFixture[str]) -> None:
    module = load("react-to-events")
    support = simple_agent("support")
    agents.scripted_llm(support, "It is on its way.")
    run = start_run("support", "Where is it?")
    agents.run_until_idle()
    assert list(module.letters.items()) == [(f"{run.id}:{run.again().version}", "It is on its way.")]
    agents.scripted_llm(simple_agent("other"), LLMError("no", code="bad_request"))
    failed = start_run("other", "x")
    agents.run_until_idle()
    agents.assert_failed(failed)
    assert f"other {failed.id} {failed.again().version} run.failed" in capsys.readouterr().out


def test_tell_people(load: Load, agents: AgentsKit, lead: User, httpserver: HTTPServer) -> None:
    module = load("tell-people")
    agent = simple_agent("support")

    @tool(requires_approval=True)
    def refund(number: str) -> str:
        """Pay back."""
        return "paid"

    agent.tools = [refund]
    registry.add(agent)
    httpserver.expect_request("/ops").respond_with_data("")
    httpserver.expect_request("/room").respond_with_data("")
    key = "k" * 40
    channels = {
        "ops": {"channel": "webhook", "url": httpserver.url_for("/ops"), "key": key},
        "place": {"channel": f"{module.__name__}.Room", "url": httpserver.url_for("/room")},
    }
    with agents_app(NOTIFY=channels, SITE_URL="https://shop.example.com"):
        listen()
        agents.scripted_llm(agent, calls("refund", number="A-1"), "Done.")
        start_run("support", "Refund it")
        agents.run_until_idle()
    told = {request.path: request for request, _ in httpserver.log}
    assert module.is_from_us(key, told["/ops"].headers, told["/ops"].get_data())
    assert not module.is_from_us(key, told["/ops"].headers, b"{}")
    text = json.loads(told["/room"].get_data())["text"]
    assert text.startswith("Please decide: ")
    assert "<https://shop.example.com/admin/agents_app/approvalrequest/" in text


LOGGED = """
import logging

import django

django.setup()
from agents_app.logs import about

with about(run_id="4f3a", tool="look"):
    logging.getLogger("agents_app.tools").error("ours")
    logging.getLogger("shop").info("yours")
logging.getLogger("shop").warning("beside")
"""


def test_the_logging_of_watch_in_production(tmp_path: Path) -> None:
    """In a process of its own, as settings of Django: pytest has handlers, too."""
    (setting,) = [b.text for b in blocks(DOCS / "how-to" / "watch-in-production.md") if b.label == "tested"]
    (tmp_path / "its_settings.py").write_text(f"from tests.settings import *\n{setting}")
    done = subprocess.run(
        [sys.executable, "-c", LOGGED],
        cwd=tmp_path,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "its_settings", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"^[\d-]+ [\d:,]+ ", "", line) for line in done.stderr.splitlines()]
    assert lines == [
        "ERROR agents_app.tools run=4f3a ours",
        "INFO shop run=4f3a yours",
        "WARNING shop run= beside",
    ]


@pytest.mark.django_db
def test_tools_and_effects(load: Load, agents: AgentsKit) -> None:
    module = load("tools-and-effects")
    parcel = {"order": "A-1001", "weight": "2"}
    agents.scripted_llm(
        module.PostAgent,
        [calls("price", parcel=parcel, speed="express"), calls("opening_hours", day="2026-11-22")],
        [calls("label", parcel={**parcel, "weight": 40}), calls("label", parcel=parcel)],
        "Done.",
    )
    run = start_run(module.PostAgent, "Send it")
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
    price, hours, heavy, label = calls_of(run)
    assert (price.effect, Decimal(price.result)) == ("read", Decimal(11))
    assert (hours.effect, hours.result) == ("external", "closed")
    assert heavy.status == ToolCallStatus.FAILED
    assert "30 kg" in heavy.error
    assert label.result == f"label {label.idempotency_key}"
    spec = registry.get("post").tools["label"]
    assert spec.parameters["properties"]["on"]["description"] == "The day of collection, if not today."


def test_approving_less(load: Load, agents: AgentsKit, lead: User) -> None:
    module = load("approvals-and-hooks")
    agents.scripted_llm(module.RefundAgent, calls("refund", number="A-1001", amount=120), "Done.")
    run = start_run(module.RefundAgent, "Refund it")
    agents.run_until_idle()
    request = agents.assert_waits_for_approval(run, "refund", amount=120)
    assert (request.summary, request.reason) == ("Pay 120 EUR of A-1001 back", "more than 50 EUR")
    module.allow_less(request, lead)
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
    assert module.LEFT["A-1001"] == 20


def test_rejecting(load: Load, agents: AgentsKit, lead: User) -> None:
    module = load("approvals-and-hooks")
    agents.scripted_llm(module.RefundAgent, calls("refund", number="A-1001", amount=120), "Sorry.")
    run = start_run(module.RefundAgent, "Refund it")
    agents.run_until_idle()
    module.refuse(agents.assert_waits_for_approval(run), lead)
    agents.run_until_idle()
    agents.assert_completed(run, "Sorry.")
    assert module.LEFT["A-1001"] == 120


@pytest.mark.django_db
def test_a_small_refund_needs_nobody_and_the_precondition_holds(load: Load, agents: AgentsKit) -> None:
    module = load("approvals-and-hooks")
    small, more = (calls("refund", number="A-1001", amount=amount) for amount in (50, 40))
    agents.scripted_llm(module.RefundAgent, small, more, more, "Done.")
    run = start_run(module.RefundAgent, "Refund it")
    agents.run_until_idle()
    assert [call.status for call in calls_of(run)] == ["succeeded", "succeeded", "rejected"]
    assert calls_of(run)[-1].error == "Only 30 EUR are left."


@pytest.mark.django_db
def test_unknown_outcomes(load: Load, agents: AgentsKit) -> None:
    module = load("unknown-outcomes")
    agents.scripted_llm(module.PayAgent, calls("pay", account="DE1", amount=5), "Paid.")
    run = start_run(module.PayAgent, "Pay")
    agents.run_until_idle()
    (call,) = calls_of(run)
    assert call.status == ToolCallStatus.UNKNOWN, "reconcile is not asked before the call's deadline"
    with agents.move_time(120):
        agents.run_until_idle()
    (call,) = calls_of(run)
    assert (call.status, call.result) == (ToolCallStatus.SUCCEEDED, "paid")
    agents.assert_completed(run, "Paid.")


def test_asking_the_user(load: Load, agents: AgentsKit, lead: User) -> None:
    module = load("asking-the-user")
    asking = simple_agent("asking")
    agents.scripted_llm(asking, calls("ask_user", question="Which order?"), "Thanks.")
    run = start_run("asking", "Where is it?", user=lead)
    agents.run_until_idle()
    agents.assert_waits_for_input(run, "Which order?")
    module.answer_open_questions(run, lead, "A-1001")
    agents.run_until_idle()
    agents.assert_completed(run, "Thanks.")


def test_a_run_does_not_see_earlier_runs_of_its_session(agents: AgentsKit, load: Load, lead: User) -> None:
    talking = simple_agent("talking")
    llm = agents.scripted_llm(talking, "It is on its way.")
    for text in ("Where is my order?", "Thanks. And A-1002?"):
        start_run("talking", text, user=lead, session="mail-4711")
        agents.run_until_idle()
    texts = [getattr(message, "text", "") for message in llm.requests[-1].messages]
    assert texts == ["Thanks. And A-1002?"], "the page asking-the-user.md and the glossary say so"


def test_add_memory(load: Load, agents: AgentsKit, lead: User) -> None:
    module = load("add-memory")
    llm = agents.scripted_llm(module.Host, "Hello.")
    for text in ("I am Ada.", "Who am I?"):
        module.hear(lead, text)
        agents.run_until_idle()
    texts = [getattr(message, "text", "") for message in llm.requests[-1].messages]
    assert texts == ["I am Ada.", "Hello.", "Who am I?"]


def test_sensitive_arguments(load: Load, agents: AgentsKit, lead: User) -> None:
    module = load("sensitive-arguments")
    agents.scripted_llm(module.KeyAgent, calls("store_key", service="mail", key="s3cret", owner="Ada"), "Stored.")
    run = start_run(module.KeyAgent, "Store it")
    agents.run_until_idle()
    (call,) = calls_of(run)
    assert "s3cret" not in call.arguments
    assert "Ada" not in call.arguments
    assert call.arguments.count("***") == 2
    assert "s3cret" not in call.sealed
    agents.approve_pending(run, by=lead)
    agents.run_until_idle()
    assert calls_of(run)[0].result == "stored 6 characters"


@pytest.mark.django_db
def test_your_own_executor(load: Load, django_capture_on_commit_callbacks: Any) -> None:
    module = load("your-own-executor")
    simple_agent("idle")
    with agents_app(EXECUTOR=f"{module.__name__}.ListExecutor", DEFAULT_LLM="demo"):
        with django_capture_on_commit_callbacks(execute=True):
            run = start_run("idle", "Hello")
        assert [str(run.id)] == module.QUEUE
        continue_run(module.QUEUE.pop())
        continue_run(str(run.id))  # twice does no harm
    assert read_run(run.id).status == "completed"


def test_a_worker_of_sqs_outlives_an_outage(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    class Over(Exception):
        """It was asked a third time."""

    faults: list[Exception] = [EndpointConnectionError(endpoint_url="https://sqs"), Over()]
    slept: list[float] = []

    def fails() -> int:
        raise faults.pop(0)

    page = load("sqs")
    monkeypatch.setattr(page, "work", fails)
    monkeypatch.setattr(page.time, "sleep", slept.append)
    with pytest.raises(Over):
        page.work_for_ever()
    assert slept == [5]


def test_a_queue_at_sqs_that_hangs_costs_who_starts_a_run_seconds(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in {**aws_environment(url), "AGENTS_QUEUE": f"{url}/1/agents"}.items():
            monkeypatch.setenv(name, value)
        page = load("sqs")
        page.sqs(1)  # made beforehand: to make one takes long on a slow machine
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            page.SqsExecutor().submit(uuid4())
        assert time.monotonic() - began < 6


@pytest.mark.django_db(transaction=True)
def test_aws_lambda(load: Load) -> None:
    module = load("aws-lambda")
    simple_agent("idle")
    text = (DOCS / "how-to" / "aws-lambda.md").read_text()
    shown = [json.loads(event) for event in re.findall(r"^\| `(\{.*?\})` \|", text, re.MULTILINE)]
    assert [event["action"] for event in shown] == ["start", "continue", "sweep"]
    User.objects.create_user("ada")
    context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)
    with agents_app(EXECUTOR=WAITING):
        started = module.lambda_handler({**shown[0], "agent": "idle", "input": "Hello"}, context)
        assert module.lambda_handler({**shown[1], "run_id": started["run_id"]}, context) == {
            "run_id": started["run_id"]
        }
        assert module.lambda_handler(shown[2], context)["due"] == 0
    replaced.clear()
    assert read_run(started["run_id"]).status == "completed"


@pytest.mark.django_db(transaction=True)
def test_http_push(load: Load) -> None:
    module = load("http-push")
    simple_agent("idle")
    requests: list[dict[str, Any]] = []
    module.TasksExecutor.queue = SimpleNamespace(put=lambda **request: requests.append(request))
    keys = {"PUSH_URL": "http://testserver/api/push/", "PUSH_KEYS": ["key-of-the-page-key-of-the-page-key"]}
    with agents_app(EXECUTOR=f"{module.__name__}.TasksExecutor", DEFAULT_LLM="demo", **keys):
        run = start_run("idle", "Hello")
        (request,) = requests
        client = Client(headers=request["headers"])
        answer = client.post(request["url"], request["body"], content_type="application/json")
        assert answer.status_code == 204
    heartbeat.join()
    close_engine()
    assert run.again().status == "completed"


@pytest.mark.django_db
def test_run_and_wait_refuses_a_transaction(load: Load) -> None:
    simple_agent("idle")
    with pytest.raises(Exception, match="committed before it is driven"):
        run_and_wait("idle", "Hello")
