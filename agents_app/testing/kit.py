"""The whole kit as one object: a fixture for pytest, a mixin for Django's test cases."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.test import SimpleTestCase, override_settings

from agents_app.live import publish
from agents_app.runtime.engines import close_engine
from agents_app.selectors.rules import forget_rules
from agents_app.testing import assertions, deciding, driving, reading
from agents_app.testing.executor import WAITING
from agents_app.testing.llm import ScriptedLLM, Turn
from agents_app.transitions.cursors import forget_registered

if TYPE_CHECKING:
    TestCase = SimpleTestCase
else:
    TestCase = object


class _Methods:
    """The functions of `agents_app.testing`, as methods."""

    run_until_idle = staticmethod(driving.run_until_idle)
    move_time = staticmethod(driving.move_time)
    assert_completed = staticmethod(assertions.assert_completed)
    assert_failed = staticmethod(assertions.assert_failed)
    assert_cancelled = staticmethod(assertions.assert_cancelled)
    assert_waits_for_approval = staticmethod(assertions.assert_waits_for_approval)
    assert_waits_for_input = staticmethod(assertions.assert_waits_for_input)
    assert_called = staticmethod(assertions.assert_called)
    assert_not_called = staticmethod(assertions.assert_not_called)
    approve_pending = staticmethod(deciding.approve_pending)
    reject_pending = staticmethod(deciding.reject_pending)
    send_back_pending = staticmethod(deciding.send_back_pending)
    answer_pending = staticmethod(deciding.answer_pending)
    events = staticmethod(reading.events)
    event_types = staticmethod(reading.event_types)
    describe = staticmethod(reading.describe)


class AgentsKit(_Methods):
    """The fixture `agents`. While it is open the queue is off: runs go on by `run_until_idle` alone."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def scripted_llm(self, agent: Any, *turns: Turn) -> ScriptedLLM:
        """Let a script answer this agent (its class or name) until the end of the test."""
        llm: ScriptedLLM = self._stack.enter_context(driving.scripted_llm(agent, *turns))
        return llm

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["AgentsKit"]:
        """A kit that puts everything back at the end."""
        with ExitStack() as stack:
            stack.callback(_put_away)
            stack.enter_context(queue_off())
            yield cls(stack)


class AgentsTestMixin(_Methods, TestCase):
    """For `class RefundTests(AgentsTestMixin, TestCase)`: the kit as methods. The queue is off during each test."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(_put_away)
        self.enterContext(queue_off())

    def scripted_llm(self, agent: Any, *turns: Turn) -> ScriptedLLM:
        """Let a script answer this agent (its class or name) until the end of the test."""
        llm: ScriptedLLM = self.enterContext(driving.scripted_llm(agent, *turns))
        return llm


def queue_off() -> override_settings:
    """While it lasts no executor acts by itself, inside TestCase and in transactional tests alike."""
    return override_settings(AGENTS_APP={**getattr(settings, "AGENTS_APP", {}), "EXECUTOR": WAITING})


def _put_away() -> None:
    """Runs are driven and told of on threads of their own; their connections must not outlive the test, and what is
    remembered of rows must not outlive them."""
    close_engine()
    publish.shutdown()
    forget_registered()
    forget_rules()
