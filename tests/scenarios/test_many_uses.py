"""Four workers, each a process, want the uses of one standing grant at once: no more are had than there are."""

import queue
import time
from contextlib import ExitStack
from typing import Any

import pytest

from agents_app import services
from agents_app.models import StandingGrant, ToolCall
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk
from tests.scenarios.test_many_deciders import Deciders

WORKERS, MOST = 4, 240.0
LEFT = (1, 2, 3)
"""Uses that are left, round after round."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.postgresql_only,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]


def heard_of(heard: "queue.Queue[Any]", word: str) -> list[Any]:
    """What all of them say next; it is this."""
    until = time.monotonic() + MOST
    said = [heard.get(timeout=max(until - time.monotonic(), 0.001))[1] for _ in range(WORKERS)]
    assert all(word in each for each in said), said
    return [each[word] for each in said]


def granted(agents: AgentsKit) -> StandingGrant:
    olga = office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=80), "Done.")
    run = services.start_run(Clerk, "go")
    agents.run_until_idle()
    request = office.request_of(run).pk
    made = services.make_grant(request, by=olga, scope="agent", conditions="any", expires_at="never", uses=1)
    services.reject(request, by=olga, reason="No.")
    agents.run_until_idle()
    return made


def test_each_use_is_had_once(agents: AgentsKit, child_environment: dict[str, str]) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    with office.open_office(), ExitStack() as stack:
        made = granted(agents)
        workers = []
        for _ in range(WORKERS):
            workers.append(Deciders(child_environment, heard, "tests.scenarios.grant_worker"))
            stack.callback(workers[-1].end)
        heard_of(heard, "port")
        for left in LEFT:
            StandingGrant.objects.filter(pk=made.pk).update(uses=0, uses_left=left)
            runs = [services.start_run(Clerk, "go").id for _ in range(WORKERS)]
            for worker, run in zip(workers, runs, strict=True):
                worker.tell(run=str(run))
            heard_of(heard, "judged")
            for worker in workers:
                worker.tell(go=True)
            assert sorted(heard_of(heard, "done")) == [0] * (WORKERS - left) + [1] * left
            made.refresh_from_db()
            assert (made.uses, made.uses_left) == (left, 0)
            found = ToolCall.objects.filter(context__in=runs)
            assert found.filter(status="succeeded", grant=made).count() == left
            assert found.filter(status="awaiting_approval", grant=None).count() == WORKERS - left
