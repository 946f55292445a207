"""The mixin, the kit's cleaning up, and that its surface is the functions'."""

import unittest

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, TransactionTestCase, override_settings

from agents_app import testing
from agents_app.definitions.registry import llm_override_for, registry
from agents_app.executors import get_executor
from agents_app.services import start_run
from agents_app.testing import AgentsKit, AgentsTestMixin, calls
from agents_app.testing.executor import WaitingExecutor
from tests.testing.shop import Reply, ShopAgent


class Story(AgentsTestMixin):
    """What a team's own test looks like."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(registry.override(ShopAgent))
        self.scripted_llm(ShopAgent, calls("refund", number="A-1", amount=120), Reply(text="Paid."))

    def test_refund(self) -> None:
        boss = get_user_model().objects.create_superuser("boss")
        run = start_run(ShopAgent, "refund")
        self.run_until_idle()
        self.assert_waits_for_approval(run, tool="refund", amount=120)
        self.approve_pending(run, by=boss)
        self.run_until_idle()
        self.assert_completed(run, Reply(text="Paid."))


class InTestCase(Story, TestCase):
    pass


class InTransactionTestCase(Story, TransactionTestCase):
    pass


@override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "immediate"})
def test_the_queue_is_off_and_everything_is_put_back() -> None:
    before = type(get_executor())
    with registry.override(ShopAgent), AgentsKit.opened() as kit:
        kit.scripted_llm(ShopAgent, "hello")
        assert isinstance(get_executor(), WaitingExecutor)
        assert llm_override_for("shop") is not None
    assert type(get_executor()) is before
    assert llm_override_for("shop") is None


@pytest.mark.parametrize("kind", [AgentsKit, AgentsTestMixin])
def test_the_kit_has_every_function_as_a_method(kind: type) -> None:
    functions = {
        name
        for name in testing.__all__
        if name.startswith(("assert_", "run_", "move_", "event", "describe")) or name.endswith(("_pending", "_llm"))
    }
    assert functions <= set(dir(kind))


def test_the_mixin_alone_is_no_test_case() -> None:
    assert not issubclass(AgentsTestMixin, unittest.TestCase)


def test_every_public_name_can_be_imported() -> None:
    assert sorted(testing._HOME_OF) == sorted(testing.__all__)
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        testing.nonsense  # noqa: B018 (reading it is the test)
