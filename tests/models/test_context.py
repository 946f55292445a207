"""Which runs somebody must act on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents_app.models import AgentContext
from tests.models import rows

pytestmark = pytest.mark.django_db


def test_due_claimable_and_live() -> None:
    now = timezone.now()
    past, future = now - timedelta(minutes=1), now + timedelta(minutes=1)
    free, dead = rows.context(due_at=past), rows.context(due_at=past, lease_until=past)
    held = rows.context(due_at=future, lease_until=future)
    ahead = rows.context(due_at=past, lease_until=future)
    later, nobody, over = rows.context(due_at=future), rows.context(), rows.context(status="completed")
    assert set(AgentContext.objects.due()) == {free, dead, ahead}
    assert set(AgentContext.objects.claimable()) == {free, dead}
    assert set(AgentContext.objects.live()) == {free, dead, held, ahead, later, nobody}
    assert over.ended
    assert not free.ended
