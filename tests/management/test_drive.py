"""manage.py agents_drive"""

import pytest

from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from tests import office
from tests.management.desk import manage
from tests.office import Clerk


@pytest.mark.django_db(transaction=True)
def test_it_drives_what_is_due_and_leaves(agents: AgentsKit) -> None:
    with office.open_office():
        agents.scripted_llm(Clerk, "Done.", "Done.", "Done.")
        runs = [start_run(Clerk, "x") for _ in range(3)]
        assert {run.again().status for run in runs} == {"idle"}
        assert manage("agents_drive", "--seconds", "60").code == 0
        assert manage("agents_drive").code == 0
        heartbeat.join()
        close_engine()
    assert {run.again().status for run in runs} == {"completed"}


@pytest.mark.django_db
def test_inside_a_test_case(agents: AgentsKit) -> None:
    with office.open_office():
        agents.scripted_llm(Clerk, "Done.")
        run = start_run(Clerk, "x")
        manage("agents_drive")
    assert run.again().status == "completed"


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_wrong(seconds: str) -> None:
    done = manage("agents_drive", "--seconds", seconds)
    assert (done.code, done.error) == (2, "--seconds is a number above 0.")
