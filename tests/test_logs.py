"""Each record says which run it is about, also where runs are driven beside each other."""

import logging
import re
import threading
from pathlib import Path
from typing import Any

import pytest

import agents_app
from agents_app import logs
from agents_app.runtime.drive import Drive
from agents_app.runtime.engines import close_engine, engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

SOURCE = Path(agents_app.__file__).parent


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []
        self.addFilter(logs.RunFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_every_logger_of_this_app_is_marked() -> None:
    used = {name for path in SOURCE.rglob("*.py") for name in re.findall(r'getLogger\("([^"]+)"\)', path.read_text())}
    assert used - {"django-q"} - set(logs.LOGGERS) == set(), "add it to agents_app.logs.LOGGERS"
    assert not [path for path in SOURCE.rglob("*.py") if "getLogger(__name__)" in path.read_text()]
    for name in logs.LOGGERS:
        assert any(isinstance(each, logs.RunFilter) for each in logging.getLogger(name).filters), name


def test_facts_last_as_long_as_they_should(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("agents_app.runtime")
    logger.error("before")
    with logs.about(run_id="r1"):
        logger.error("inside")
        with logs.about(tool="look"):
            logger.error("deeper")
        logger.error("itself", extra={"run_id": "r2"})
    logger.error("after")
    found = [(record.run_id, record.tool) for record in caplog.records]  # type: ignore[attr-defined]
    assert found == [("", ""), ("r1", ""), ("r1", "look"), ("r2", ""), ("", "")]


def test_records_of_runs_beside_each_other_do_not_mix_up(agents: AgentsKit, transactional_db: None) -> None:
    """The author's own, from threads and coroutines, and ours of what tools raised; arguments are in none of ours."""
    kept = Kept()
    mine, ours = logging.getLogger("shop"), logging.getLogger("agents_app.tools")
    together = threading.Barrier(6, timeout=60)

    def look(context: Any, number: str) -> str:
        together.wait()
        mine.warning("%s", context.run_id)
        raise RuntimeError("no luck")

    async def glance(context: Any, number: str) -> str:
        mine.warning("%s", context.run_id)
        return "seen"

    mine.addHandler(kept)
    ours.addHandler(kept)
    try:
        with office.open_office():
            office.behaviour.update({"look": look, "glance": lambda *given: glance(*given)})
            turns = [calls("look", number="hunter2"), calls("glance", number="hunter2")]
            agents.scripted_llm(Clerk, turns, "Done.")
            runs = [start_run(Clerk, "x").id for _ in range(6)]
            engine().run(lambda on: Drive(on, others=False).run(runs))
    finally:
        mine.removeHandler(kept)
        ours.removeHandler(kept)
        close_engine()
        heartbeat.join()
    own = [record for record in kept.records if record.name == "shop"]
    assert [record.run_id for record in own] == [record.getMessage() for record in own]
    assert {record.run_id for record in own} == {str(run) for run in runs}
    assert {record.tool for record in own} == {"look", "glance"}
    raised = [record for record in kept.records if record.name == "agents_app.tools"]
    assert {record.run_id for record in raised} == {str(run) for run in runs}
    assert len({record.call_id for record in raised}) == 6
    assert {record.tool for record in raised} == {"look"}
    for record in raised:
        assert record.exc_info[1].args == ("no luck",)
        assert "hunter2" not in logging.Formatter().format(record)
