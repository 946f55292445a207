"""Throwing the kill switch, and ending it."""

from collections.abc import Iterator

import pytest

from agents_app import services
from agents_app.exceptions import InvalidInput, NotPermitted, UnknownAgent
from agents_app.models import KillSwitch
from agents_app.services import SYSTEM
from tests import office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def test_a_switch_keeps_who_threw_it_and_who_ended_it() -> None:
    sam = office.person("sam", "agents_app.stop_agents")
    off = services.switch_off(by=sam, reason=" Wrong accounts. ", agent="clerk", tool="pay")
    assert (str(off), off.reason, off.off_by, off.on_at) == ("pay of clerk", "Wrong accounts.", "sam", None)
    on = services.switch_on(off.pk, by=SYSTEM, reason="Mended.")
    assert (on.on_by, on.on_reason, on.off_by) == ("system", "Mended.", "sam")
    assert on.on_at is not None


def test_to_throw_or_end_it_twice_is_once() -> None:
    first = services.switch_off(by=SYSTEM, reason="One.")
    assert services.switch_off(by=SYSTEM, reason="Two.").pk == first.pk
    assert KillSwitch.objects.get().reason == "One."
    ended = services.switch_on(first.pk, by=SYSTEM)
    assert services.switch_on(first.pk, by=SYSTEM).on_at == ended.on_at
    services.switch_off(by=SYSTEM, reason="Three.")
    assert KillSwitch.objects.count() == 2


def test_only_those_who_may_stop_do() -> None:
    off = services.switch_off(by=SYSTEM, reason="x")
    watcher = office.person("wanda", "agents_app.view_killswitch", "agents_app.control_run")
    with pytest.raises(NotPermitted):
        services.switch_off(by=watcher, reason="x", tool="pay")
    with pytest.raises(NotPermitted):
        services.switch_on(off.pk, by=watcher)


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(UnknownAgent):
        services.switch_off(by=SYSTEM, reason="x", agent="clark")
    with pytest.raises(InvalidInput, match="no tool “pey”"):
        services.switch_off(by=SYSTEM, reason="x", tool="pey")
    with pytest.raises(InvalidInput, match="Say why"):
        services.switch_off(by=SYSTEM, reason="  ", tool="pay")
