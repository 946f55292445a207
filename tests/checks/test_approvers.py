"""Approver rules that name what is not there."""

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError

from agents_app import Agent, Approvers, Stage, tool
from agents_app.checks import approvers as checked
from agents_app.checks import check_approver_groups, check_approvers
from agents_app.definitions.inspection import inspect_agent
from agents_app.definitions.problems import Code
from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers


def nothing() -> None:
    """Do nothing."""


def agent_with(**options: Any) -> type[Agent[str]]:
    class Odd(Agent[str]):
        name = "odd"
        tools = [tool(**options)(nothing)]

    return Odd


def found(**options: Any) -> list[tuple[str, str]]:
    with registry.override(agent_with(**options)):
        return [(str(message.id), str(message.obj)) for message in check_approvers()]


@pytest.mark.once
def test_a_resolver_that_is_not_there_is_an_error() -> None:
    rule = Approvers(stages=[Stage(), Stage(resolver="nobody")])
    assert found(approvers=rule) == [("agents_app.E160", "odd.nothing")]
    with resolvers.override(nobody=lambda context, arguments: []):
        assert found(approvers=rule) == []


@pytest.mark.once
def test_a_permission_that_no_model_declares_is_a_warning() -> None:
    assert found(permission="auth.view_grup") == [("agents_app.W160", "odd.nothing")]
    assert found(approvers=Approvers(permission="shop.no_such")) == [("agents_app.W160", "odd.nothing")]
    assert found(permission="auth.view_group", approvers=Approvers(permission="shop.refund_order")) == []


@pytest.mark.django_db
def test_a_group_that_is_not_there_is_a_warning() -> None:
    with registry.override(agent_with(approvers=Approvers(group="Finance"))):
        (message,) = check_approver_groups(databases=["default"])
        assert (message.id, message.obj) == ("agents_app.W161", "odd.nothing")
        assert check_approver_groups(databases=[]) == []
        Group.objects.create(name="Finance")
        assert check_approver_groups(databases=["default"]) == []
        with patch.object(checked, "missing_groups", side_effect=OperationalError):
            assert check_approver_groups(databases=["default"]) == []


@pytest.mark.once
@pytest.mark.parametrize("rule", ["Finance", Approvers(quorum=0)], ids=["a text", "no quorum"])
def test_a_rule_that_is_wrong_is_an_error_of_the_agent(rule: Any) -> None:
    problems = inspect_agent(agent_with(approvers=rule)).problems
    assert [problem.code for problem in problems] == [Code.TOOL_OPTION]
    assert "approvers" in problems[0].hint
