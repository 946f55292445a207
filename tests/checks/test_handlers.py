"""Event handlers that name agents which are not there."""

from agents_app import Agent
from agents_app.checks import check_handlers
from agents_app.definitions.registry import registry
from tests.ears import ear, no_handlers
from tests.office import Clerk


class Renamed(Agent[str]):
    name = "renamed"
    formerly = ("helpdesk",)


class Unregistered(Agent[str]):
    name = "unregistered"


def test_a_name_that_no_agent_has_is_an_error() -> None:
    with no_handlers(), registry.override(Clerk, Renamed):
        ear("run.*", agent=["clerk", "helpdesk", Unregistered], name="fine")
        assert check_handlers() == []
        ear("run.*", agent="clerc", name="odd")
        (message,) = check_handlers()
    assert (message.id, message.obj) == ("agents_app.E024", "odd")
    assert "clerc" in message.msg
