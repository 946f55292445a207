"""Runs on a function of AWS Lambda: boto3's own client, the Invoke API on loopback, a fresh process per invocation."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import services
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, RunDetails
from agents_app.services import read_run
from tests.aws.function import Function
from tests.aws.server import LambdaServer, aws_environment, lambda_server
from tests.packaging.test_readme import until
from tests.scenarios.checks import assert_sound
from tests.scenarios.cluster.story import DIARY, noted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
START = {"action": "start", "agent": "walker", "input": "5", "user": "ada"}
SWEEP = {"action": "sweep"}


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def cloud(child_environment: dict[str, str], diary: Path) -> Iterator[tuple[LambdaServer, Function]]:
    """The service and the function; this process is a web process that submits to it."""
    with ExitStack() as stack:
        running: list[Function] = []
        server = stack.enter_context(lambda_server(lambda event: running[0].invoke(event)))
        environment = {
            **child_environment,
            **aws_environment(server.url),
            "DJANGO_SETTINGS_MODULE": "tests.aws.settings",
            "PYTHONWARNINGS": "ignore",
            DIARY: str(diary),
        }
        running.append(Function(environment, seconds=9))
        with registry.override():  # so that importing it does not register it for all tests
            walker = import_module("tests.aws.agents").Walker
        stack.enter_context(registry.override(walker))
        ours = {**settings.AGENTS_APP, "EXECUTOR": "aws_lambda"}
        stack.enter_context(override_settings(AGENTS_APP=ours))
        yield server, running[0]
        running[0].join()
        assert running[0].errors == []


@pytest.mark.long
def test_a_run_goes_over_several_invocations_some_of_them_doubled(
    cloud: tuple[LambdaServer, Function], diary: Path, django_user_model: type
) -> None:
    _, function = cloud
    ada = django_user_model._default_manager.create_user("ada")  # type: ignore[attr-defined]
    # A start that Lambda delivers twice is one run.
    first, again = (function.run(START, "the-same-request") for _ in range(2))
    assert first.returncode == again.returncode == 0, first.stderr
    assert json.loads(first.stdout)["run_id"] == json.loads(again.stdout)["run_id"]
    context = AgentContext.objects.get()
    assert context.user == ada
    until(lambda: read_run(context.pk).ended, 200)
    function.join()
    assert read_run(context.pk).output == "arrived"
    # `external`: not one of them twice, whatever was delivered twice.
    steps = noted(diary, "step")
    assert [entry["number"] for entry in steps] == [1, 2, 3, 4, 5]
    assert len({entry["pid"] for entry in steps}) > 1
    assert len(function.events) > 1
    assert function.deliveries > len(function.events)
    assert {frozenset(event) for event in function.events} == {frozenset({"action", "run_id"})}
    assert_sound(SimpleNamespace(id=context.pk))  # type: ignore[arg-type]
    assert RunDetails.objects.get().started_by_name == "system"


def test_what_lambda_refused_is_repaired_by_the_sweep(cloud: tuple[LambdaServer, Function]) -> None:
    server, function = cloud
    server.throttled = True
    run = services.start_run("walker", "1")
    assert server.refused > 0
    assert function.run(SWEEP, "1").stdout == '{"due": 1, "stale_leases": 0, "hinted": 0}'
    server.throttled = False
    assert run.again().status is RunStatus.IDLE
    assert function.run(SWEEP, "2").stdout == '{"due": 1, "stale_leases": 0, "hinted": 1}'
    until(lambda: run.again().ended, 200)
    assert run.again().output == "arrived"
