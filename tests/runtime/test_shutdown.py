"""A worker that is asked to end takes nothing new, and gives back what it holds."""

from collections.abc import Iterator

import pytest

from agents_app import tasks
from agents_app.models import AgentContext
from agents_app.runtime.shutdown import closing, slice_and_drain
from agents_app.services import start_run
from agents_app.testing import scripted_llm
from tests.office import Clerk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked_to_end(settings: object) -> Iterator[None]:
    closing.set()
    yield
    closing.clear()


def test_nothing_is_taken(asked_to_end: None) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        tasks.continue_run(str(run.id))
    context = AgentContext.objects.get(pk=run.id)
    assert context.claim_number == 0
    assert context.due_at is not None


@pytest.mark.parametrize(
    ("most", "expected"),
    [(None, (60, 75)), (300, (60, 75)), (135, (60, 75)), (100, (50, 50)), (4, (2, 2))],
)
def test_a_slice_and_its_drain_fit_into_the_time_there_is(most: float | None, expected: tuple[float, float]) -> None:
    assert slice_and_drain(most) == expected
