"""The page about changed code: its two releases are deployed one after the other, while a run waits."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from agents_app.checks import agent_problems
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, ApprovalRequest, ToolCall
from agents_app.runtime.code_change import UNKNOWN_CODE_PATIENCE, UNKNOWN_CODE_SECONDS
from agents_app.services import start_run
from agents_app.testing import AgentsKit, approve_pending, calls, run_until_idle, scripted_llm
from tests.docs.markdown import DOCS, blocks

pytestmark = [pytest.mark.once, pytest.mark.django_db]
PAGE = DOCS / "how-to" / "upgrade.md"
PAY = calls("pay", account="A-1", cents=12050)


@contextmanager
def release(place: Path, number: int) -> Iterator[None]:
    """The page's code of this release, and nothing else, is registered."""
    path = place / f"release_{number}.py"
    path.write_text([block.text for block in blocks(PAGE) if block.label == "tested"][number - 1])
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    with registry.override():
        spec.loader.exec_module(module)
        assert agent_problems(registry.classes()[0]) == []
        with scripted_llm("pay", PAY, "Done."):
            yield
    del sys.modules[path.stem]


def test_a_waiting_run_is_brought_along(agents: AgentsKit, tmp_path: Path) -> None:
    lead = User.objects.create_superuser("lead")
    with release(tmp_path, 1):
        run = start_run("pay", "Pay A-1.")
        run_until_idle()
        approve_pending(run, by=lead)
    with release(tmp_path, 2):
        run_until_idle()
        call = ToolCall.objects.get(context_id=run.id)
        assert (call.tool, json.loads(call.arguments)) == ("transfer", {"account": "A-1", "amount": "120.5"})
        old, new = ApprovalRequest.objects.filter(call=call).order_by("pk")
        assert (old.status, new.status) == ("withdrawn", "pending")
        approve_pending(run, by=lead)
        run_until_idle()
    assert AgentContext.objects.get(pk=run.id).status == "completed"


def test_the_times_it_names() -> None:
    text = PAGE.read_text()
    assert f"every {UNKNOWN_CODE_SECONDS:g} seconds" in text
    assert f"After {UNKNOWN_CODE_PATIENCE / 60:g} minutes" in text
