"""Who wants to hear of what: by type and agent; nothing is known where nobody is."""

from agents_app.core.subscriptions import Subscription, Subscriptions

ENDS = Subscription(handler="ends", types=frozenset({"run.completed", "run.failed"}))
SUPPORT = Subscription(handler="support", types=frozenset({"run.started"}), agents=frozenset({"support", "helpdesk"}))


def test_it_is_false_while_nobody_is_known() -> None:
    known = Subscriptions()
    assert not known
    known.add(ENDS)
    assert known
    assert known.names() == ["ends"]
    assert known.get("ends") is ENDS


def test_the_last_event_that_each_wants() -> None:
    known = Subscriptions()
    known.add(ENDS)
    known.add(SUPPORT)
    events = [(1, "run.started"), (2, "step.started"), (3, "run.failed"), (4, "run.completed"), (5, "step.failed")]
    assert known.wanted("helpdesk", events) == {"ends": 4, "support": 1}
    assert known.wanted("clerk", events) == {"ends": 4}
    assert known.wanted("clerk", [(1, "run.started")]) == {}


def test_override_puts_back_what_was_known() -> None:
    known = Subscriptions()
    known.add(ENDS)
    with known.override(SUPPORT):
        assert known.all() == [SUPPORT]
        with known.override():
            assert not known
    assert known.all() == [ENDS]
