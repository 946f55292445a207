"""Two processes ask for the same LLM: together they keep its limits, and one of them probes."""

import json
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents_app.models import LLMPlace, LLMState, database_now
from agents_app.services import start_run
from agents_app.testing.kit import queue_off
from agents_app.transitions import claims
from tests.office import Clerk

pytestmark = pytest.mark.postgresql_only
ROOT = Path(__file__).parents[2]


def asked_by_two(environment: dict[str, str], limits: dict[str, Any], runs: list[str]) -> list[list[dict[str, Any]]]:
    """What two processes are told that ask for these runs, half each, at the same time."""
    shares = [runs[::2], runs[1::2]]
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.llm_asker", json.dumps(limits), *share],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        said = []
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            said.append(child.communicate(timeout=60)[0])
            assert child.returncode == 0
    finally:
        for child in children:
            child.kill()
            child.wait()
    return [[json.loads(line) for line in text.splitlines()] for text in said]


def test_they_share_a_bucket(child_environment: dict[str, str]) -> None:
    """Sixty a minute: ten are held, and one comes each second."""
    started = database_now().timestamp()
    said = asked_by_two(child_environment, {"requests_per_minute": 60}, [f"{uuid4()}:1" for _ in range(60)])
    assert [len(each) for each in said] == [30, 30]
    moments = sorted(one["until"] for each in said for one in each)
    for number, moment in enumerate(moments):
        assert moment >= started + (number - 10) - 0.01
    waiting = LLMPlace.objects.order_by("starts_at").values_list("starts_at", flat=True)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(waiting)]
    assert len(waiting) >= 10
    assert all(gap == pytest.approx(1.0, abs=0.001) for gap in gaps), "each has a moment of its own, none is left out"


def test_they_share_the_slots(child_environment: dict[str, str]) -> None:
    runs = []
    with queue_off():
        for _ in range(8):
            claim = claims.claim(start_run(Clerk, "x").id)
            assert claim is not None
            runs.append(f"{claim.run_id}:{claim.number}")
    said = asked_by_two(child_environment, {"max_concurrent": 3}, runs)
    assert sum(one["now"] for each in said for one in each) == 3
    assert LLMPlace.objects.filter(claim_number__isnull=False).count() == 3
    assert LLMPlace.objects.filter(claim_number__isnull=True).count() == 5


def test_one_of_them_probes(child_environment: dict[str, str]) -> None:
    past = database_now() - timedelta(seconds=1)
    LLMState.objects.create(name="shared", failures=5, failing_since=past, opened_at=past, open_until=past)
    said = asked_by_two(child_environment, {}, [f"{uuid4()}:1" for _ in range(20)])
    assert sum(one["probe"] for each in said for one in each) == 1
    assert sum(one["now"] for each in said for one in each) == 1
