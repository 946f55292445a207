"""The end of a chaos: for what is waited, for what is not, and who leaves when."""

from collections.abc import Callable, Iterator

import pytest

from agents_app.models import AgentContext, AgentEvent, DatabaseNow, seconds_from_now
from agents_app.services import Run
from agents_app.testing import approve_pending, calls, move_time, run_until_idle
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.chaos import quiet
from tests.promises.stage import Stage

PATIENCE = 30.0
LATER_SECONDS = 60.0  # each look is one at the database
FOR_EVER = 10_000.0


class Time:
    """Goes on while somebody sleeps, and only then: so nothing depends on how fast this machine is."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(quiet, "time", made)
    monkeypatch.setattr(quiet, "LATER_SECONDS", LATER_SECONDS)
    return made


@pytest.fixture
def stage(transactional_db: None, agents: AgentsKit) -> Iterator[Stage]:
    with office.open_office():
        yield Stage(agents)


def at(time: Time, moment: float, act: Callable[[], object]) -> Callable[[], None]:
    """A look that does this once, when it is time."""
    left = [act]

    def look() -> None:
        if time.now >= moment and left:
            left.pop()()

    return look


def status_of(run: Run[str]) -> str:
    return str(AgentContext.objects.get(pk=run.id).status)


def test_it_ends_where_people_alone_could_go_on_and_they_leave_before(time: Time, stage: Stage) -> None:
    with stage.setting(APPROVAL_EXPIRES_SECONDS="never"):
        run = stage.play(calls("pay", to="Ann", amount=120))
    left: list[float] = []
    quiet.be_quiet(lambda: None, lambda: left.append(time.now), PATIENCE)
    assert status_of(run) == "waiting_for_approval"
    assert quiet.QUIET_SECONDS < left[0] < time.now < PATIENCE
    assert len(left) == 1


def test_what_people_did_last_comes_to_its_end(time: Time, stage: Stage) -> None:
    with stage.setting(APPROVAL_EXPIRES_SECONDS="never"):
        run = stage.play(calls("pay", to="Ann", amount=120), "Done.")

    def leave() -> None:
        approve_pending(run, by=stage.dora)
        late.append(at(time, time.now + PATIENCE / 2, run_until_idle))

    late: list[Callable[[], None]] = []
    quiet.be_quiet(lambda: late[0]() if late else None, leave, PATIENCE)
    assert status_of(run) == "completed"


def test_a_question_that_will_run_out_is_waited_for_longer_than_patience_lasts(time: Time, stage: Stage) -> None:
    with stage.setting(APPROVAL_EXPIRES_SECONDS=FOR_EVER):
        run = stage.play(calls("pay", to="Ann", amount=120))
    told: list[str] = []

    def runs_out() -> None:
        with move_time(2 * FOR_EVER):
            run_until_idle()
        told.extend(AgentEvent.objects.filter(context=run.id).values_list("type", flat=True))

    quiet.be_quiet(at(time, 2 * PATIENCE, runs_out), lambda: None, PATIENCE)
    assert "approval.expired" in told
    assert 2 * PATIENCE < time.now < 3 * PATIENCE


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"due_at": None}, False),  # nobody is going to come
        ({"due_at": DatabaseNow()}, False),  # nobody came
        ({"due_at": seconds_from_now(FOR_EVER)}, True),
        ({"due_at": DatabaseNow(), "hinted_at": DatabaseNow(), "hints": 9}, True),  # the next hint comes in minutes
        ({"due_at": seconds_from_now(FOR_EVER), "lease_until": seconds_from_now(FOR_EVER)}, False),  # held, without end
    ],
    ids=["forgotten", "due", "later", "hinted", "held"],
)
def test_patience_ends_with_what_does_not_go_on(
    time: Time, stage: Stage, fields: dict[str, object], waits: bool
) -> None:
    run = stage.start("Done.")
    AgentContext.objects.filter(pk=run.id).update(**fields)
    left: list[float] = []
    quiet.be_quiet(lambda: None, lambda: left.append(time.now), PATIENCE)
    patience = PATIENCE + (LATER_SECONDS if waits else 0)
    assert left == [time.now]
    assert time.now == pytest.approx(patience, abs=2 * quiet.LOOK_SECONDS)
