"""When a cluster is taken for one that does nothing."""

import pytest

from agents_app.management.cluster.progress import BLIND_SECONDS, MOST_SECONDS, Progress, Verdict
from agents_app.management.cluster.rounds import Look

FINE, SUSPECT, STALLED = Verdict.FINE, Verdict.SUSPECT, Verdict.STALLED


@pytest.mark.parametrize(
    ("due_for", "silent_for", "verdict"),
    [
        (None, 1000, FINE),  # nothing to do
        (1000, 1, FINE),  # much to do, and it works
        (1, 1000, FINE),  # only just due
        (15, 15, SUSPECT),
        (1000, 29, SUSPECT),
        (29, 1000, SUSPECT),
        (30, 30, STALLED),
        (-5, 1000, FINE),  # the database's clock went back
    ],
)
def test_both_count(due_for: float | None, silent_for: float, verdict: Verdict) -> None:
    progress = Progress(patience=30)
    progress.sign(100)
    now = 100 + silent_for
    assert progress.judge(Look(due_for=due_for, at=now), now) is verdict


def test_a_new_cluster_is_given_time() -> None:
    progress = Progress(patience=30)
    progress.started(5000)
    assert progress.judge(Look(due_for=5000, at=5001), 5001) is FINE


def test_while_nobody_can_look_nobody_is_blamed() -> None:
    progress = Progress(patience=30)
    progress.sign(100)
    late = Look(due_for=25, at=125)
    assert progress.judge(late, 125) is SUSPECT
    for now in range(126, 300):
        assert progress.judge(late, now) in (SUSPECT, FINE), now
    back = Look(due_for=200, at=300)
    assert progress.judge(back, 300) is FINE
    assert progress.judge(Look(due_for=231, at=331), 331) is STALLED
    assert BLIND_SECONDS < 30


def test_before_the_first_look_nobody_is_blamed() -> None:
    progress = Progress(patience=30)
    assert progress.judge(None, 1000) is FINE
    assert progress.judge(Look(due_for=1000, at=1001), 1001) is FINE


def test_patience_doubles_until_one_shows_life() -> None:
    progress = Progress(patience=30)
    limits = []
    for _ in range(8):
        limits.append(progress.limit)
        progress.replace()
        progress.started(0)
    assert limits == [30, 60, 120, 240, 480, MOST_SECONDS, MOST_SECONDS, MOST_SECONDS]
    progress.sign(0)
    assert progress.limit == 30
