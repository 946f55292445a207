"""agents_policy_check, agents_switch_off, agents_switch_on, and what the doctor and the checks say of policies."""

import json
from collections.abc import Iterator

import pytest

from agents_app.checks import check_policies
from agents_app.models import ApprovalPolicy, KillSwitch
from agents_app.services import SYSTEM, make_grant, save_policy, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.management.desk import manage

pytestmark = pytest.mark.django_db
LARGE = {"path": "amount", "operator": "more_than", "value": 100}


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def test_a_call_is_explained_and_not_made() -> None:
    save_policy({"name": "large", "tool": "pay", "answer": "deny", "conditions": [LARGE]}, by=SYSTEM)
    told = manage("agents_policy_check", "clerk", "pay", json.dumps({"to": "Ann", "amount": "120"}))
    assert told.code == 0
    assert told.out.splitlines()[:2] == ["deny: amount is more than 100", "Decided by: policy: large"]
    assert "needs_approval" in told.out
    small = manage("agents_policy_check", "clerk", "pay", '{"to": "Ann", "amount": 1}', "--json").json
    assert (small["answer"], small["rules"]) == ("allow", [])
    assert office.done == []


def test_grants_that_would_let_a_call_through_are_mentioned(agents: AgentsKit) -> None:
    olga = office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")
    agents.scripted_llm(office.Clerk, calls("pay", to="Ann", amount=80), "Done.")
    run = start_run(office.Clerk, "go")
    agents.run_until_idle()
    options = {"scope": "agent", "conditions": "any", "expires_at": "never", "uses": 4}
    made = make_grant(office.request_of(run).pk, by=olga, **options)
    told = manage("agents_policy_check", "clerk", "pay", '{"to": "Ann", "amount": "120"}').out
    assert f"Allowed unasked by the standing grant {made.pk} of olga, in all runs, 4 left" in told


@pytest.mark.parametrize(
    "arguments", [("clerk", "fly"), ("nobody", "pay"), ("clerk", "pay", "{"), ("clerk", "pay", "{}")]
)
def test_what_cannot_be_asked_says_why(arguments: tuple[str, ...]) -> None:
    told = manage("agents_policy_check", *arguments)
    assert told.code != 0
    assert told.error


def test_a_tool_is_switched_off_listed_and_switched_on() -> None:
    off = manage("agents_switch_off", "--tool", "pay", "--reason", "Wrong accounts.")
    assert (off.code, off.out.startswith("Off: tool pay of all agents, by system since ")) == (0, True)
    assert "Wrong accounts." in manage("agents_switch_off", "--list").out
    assert manage("agents_switch_on", "--tool", "pay", "--reason", "Mended.").out == "On: tool pay of all agents\n"
    assert manage("agents_switch_off", "--list").out == "Nothing is switched off.\n"
    assert manage("agents_switch_on", "--tool", "pay").code != 0
    assert KillSwitch.objects.get().on_reason == "Mended."


def test_everything_is_asked_for_by_name() -> None:
    assert manage("agents_switch_off", "--reason", "x").code != 0
    assert manage("agents_switch_off", "--all", "--tool", "pay", "--reason", "x").code != 0
    assert manage("agents_switch_off", "--tool", "pey", "--reason", "x").code != 0
    assert manage("agents_switch_off", "--all").code != 0
    assert not KillSwitch.objects.exists()
    (switch,) = manage("agents_switch_off", "--all", "--reason", "Fire.", "--json").json
    assert (switch["agent"], switch["tool"], switch["off"]) == ("", "", True)


def test_who_may_not_stop_does_not() -> None:
    office.person("wanda")
    assert manage("agents_switch_off", "--all", "--reason", "x", "--as", "wanda").code != 0
    assert not KillSwitch.objects.exists()


def test_a_policy_whose_field_is_gone_is_told_of_by_check_and_doctor() -> None:
    save_policy({"name": "large", "tool": "pay", "answer": "deny", "conditions": [LARGE]}, by=SYSTEM)
    assert check_policies(databases=["default"]) == []
    ApprovalPolicy.objects.update(conditions=[{**LARGE, "path": "sum"}])
    (warning,) = check_policies(databases=["default"])
    assert (warning.id, "no field sum" in str(warning.msg)) == ("agents_app.W029", True)
    assert check_policies(databases=None) == []
    findings = {finding["subject"]: finding for finding in manage("agents_doctor", "--json").json}
    assert findings["policy large"]["level"] == "warning"


def test_policies_are_made_listed_changed_and_removed() -> None:
    assert manage("agents_policies").out == "There are no policies.\n"
    values = {
        "name": "large",
        "tool": "pay",
        "answer": "deny",
        "conditions": [LARGE],
        "valid_until": "2999-01-01T00:00Z",
    }
    (made,) = manage("agents_policies", "--save", json.dumps(values), "--json").json
    assert (made["made_by"], made["active"], made["valid_until"][:10]) == ("system", True, "2999-01-01")
    assert manage("agents_policies").out.splitlines()[:2] == [
        "large: deny tool pay of all agents",
        "  amount more_than 100",
    ]
    assert "(switched off)" in manage("agents_policies", "large", "--off").out
    assert not ApprovalPolicy.objects.get().active
    assert manage("agents_policies", made["id"], "--on", "--json").json[0]["active"]
    changed = manage("agents_policies", "large", "--save", '{"answer": "ask", "reason": "Look twice."}', "--json").json
    assert (changed[0]["answer"], changed[0]["conditions"] == made["conditions"]) == ("ask", True)
    assert manage("agents_policies", "large", "--remove").out == "Removed: large\n"
    assert not ApprovalPolicy.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--save", "{"), 2, "--save takes JSON"),
        (("--save", "[]"), 2, "--save takes a JSON object"),
        (("--save", '{"name": "x", "tool": "pey", "answer": "deny"}'), 2, "No agent has a tool “pey”"),
        (("--save", '{"name": "x", "colour": "red"}'), 2, "A policy has no colour."),
        (("--save", '{"name": "x", "valid_from": "soon"}'), 2, "valid_from takes a moment"),
        (("nothing",), 3, "There is no policy “nothing”"),
        (("--off",), 2, "Say which policy"),
        (("--as", "ann"), 4, "agents_app.view_approvalpolicy"),
    ],
)
def test_what_is_no_policy_says_why(arguments: tuple[str, ...], code: int, words: str) -> None:
    office.person("ann")
    told = manage("agents_policies", *arguments)
    assert (told.code, words in told.error) == (code, True), told.error
    assert not ApprovalPolicy.objects.exists()
