"""`@on`: what it accepts, what it makes of it, and what it says of mistakes."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents_app import Agent, on
from agents_app.core.events import EventType
from agents_app.definitions.handlers import handlers
from tests.office import Clerk


class Renamed(Agent[str]):
    name = "renamed"
    formerly = ("helpdesk", "support")


class Nameless(Agent[str]):
    abstract = True


@pytest.fixture(autouse=True)
def _none_but_these() -> Iterator[None]:
    with handlers.override():
        yield


def hear(event: Any) -> None:
    """A handler."""


async def listen(event: Any) -> None:
    """Another."""


class Ear:
    def __call__(self, event: Any) -> None:
        """A third."""


def test_a_handler_is_known_by_its_place_and_stays_a_plain_function() -> None:
    assert on("run.completed")(hear) is hear
    (handler,) = handlers.all()
    assert handler.name == f"{__name__}.hear"
    assert handlers.get(handler.name) is handler
    assert handler.subscription.types == {"run.completed"}
    assert handler.subscription.agents is None
    assert (handler.timeout, handler.attempts, handler.subscription.replay) == (60.0, None, False)


def test_several_types_and_wildcards() -> None:
    on("run.completed", "approval.*", name="some")(hear)
    on("*", name="all")(listen)
    some, everything = handlers.get("some"), handlers.get("all")
    assert some is not None
    assert everything is not None
    assert some.subscription.types == {"run.completed", *(t for t in EventType if t.startswith("approval."))}
    assert everything.subscription.types == set(EventType)


@pytest.mark.parametrize(
    ("agent", "names"),
    [
        (Clerk, {"clerk"}),
        ("other", {"other"}),
        (Renamed, {"renamed", "helpdesk", "support"}),
        ([Clerk, "other"], {"clerk", "other"}),
    ],
    ids=["class", "name", "renamed", "several"],
)
def test_agents(agent: Any, names: set[str]) -> None:
    on("run.completed", agent=agent)(hear)
    assert handlers.all()[0].subscription.agents == names


@pytest.mark.parametrize(
    ("types", "options", "said"),
    [
        ((), {}, "takes types of events"),
        ((hear,), {}, "takes types of events"),
        (("run.complete",), {}, "Did you mean “run.completed”"),
        (("nothing.*",), {}, "There are: run.started"),
        (("run.*",), {"agent": 7}, "takes subclasses of Agent"),
        (("run.*",), {"agent": int}, "takes subclasses of Agent"),
        (("run.*",), {"agent": []}, "no event would ever come"),
        (("run.*",), {"agent": Nameless}, "has no name"),
        (("run.*",), {"timeout": 0}, "above 0"),
        (("run.*",), {"attempts": 0}, "at least 1"),
        (("run.*",), {"name": "x" * 201}, "1 to 200 characters"),
        (("run.*",), {"name": " "}, "1 to 200 characters"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_mistakes_are_told_where_they_are_made(types: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        on(*types, **options)(hear)


def test_a_function_takes_the_event_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="called with one argument"):
        on("run.*", name="no")(lambda: None)  # type: ignore[arg-type,misc]
    with pytest.raises(ValueError, match="is for functions"):
        on("run.*")("hear")  # type: ignore[type-var]
    on("run.*", name="object")(Ear())
    assert handlers.get("object") is not None


def test_a_name_that_is_not_the_same_tomorrow_must_be_given() -> None:
    def inner(event: Any) -> None: ...

    with pytest.raises(ValueError, match="Give the handler a name"):
        on("run.*")(inner)
    on("run.*", name="inner")(inner)


def test_a_name_belongs_to_one_handler_but_a_module_may_be_loaded_anew() -> None:
    on("run.*")(hear)
    with pytest.raises(ValueError, match="Two event handlers are called"):
        on("step.*")(hear)
    with pytest.raises(ValueError, match="Two event handlers are called"):
        on("step.*", name=f"{__name__}.hear")(listen)
    anew: dict[str, Any] = {"__name__": __name__}
    exec("def hear(event): ...", anew)  # what importlib.reload comes to
    on("step.*")(anew["hear"])
    (handler,) = handlers.all()
    assert handler.function is anew["hear"]
