"""Each row of the table at each door that has its command: the same rule, the same outcome."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from pydantic import Field

from agents_app import Agent, Approvers, Stage, tool
from agents_app.core.transcript import LLMRequest, UserMessage
from agents_app.definitions.registry import registry
from agents_app.models import ApprovalRequest, Decision, ToolCall
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls, script
from tests import office
from tests.doors.cases import ADD_GRANT, APPROVER, COMMANDS, DECIDE, PEOPLE, TABLE, Asked, Case
from tests.doors.doors import DOORS, Act, Door
from tests.notify.conftest import telling

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

done: list[str] = []
FINANCE = Approvers(group="Finance", four_eyes=False)
STAGES = Approvers(stages=[Stage(group="Support"), Stage(group="Finance")], four_eyes=False)
DECISIONS = {"approve", "edit", "reject", "send_back", "settle"}
"""The commands that leave a decision."""
REPEATED = ("the same person again", "again")
NOT_THERE = {
    **dict.fromkeys(
        ("edit", "claim", "release", "reassign", "settle", "delegate", "revoke", "grant", "revoke_grant"),
        ("link", "many at once"),
    ),
    "send_back": ("link",),
}
"""What a door does not offer on purpose: a mailed link says yes or no, many at once are decided as they are."""
Text = Annotated[str, Field(min_length=1)]


def act(row: str, text: Text) -> str:
    """Note which row it is."""
    done.append(row)
    return text


def lose(row: str, text: Text) -> str:
    """Nobody knows whether it happened."""
    raise TimeoutError


def named(name: str, function: Any = act, **options: Any) -> Any:
    return tool(effect="external", name=name, decide_by_link=True, **options)(function)


class Porter(Agent[str]):
    """Does what a row of the table is about."""

    name = "porter"
    tools = [
        named("wire", requires_approval=True, permission=APPROVER),
        named("held", requires_approval=True, permission=APPROVER),
        named("grouped", requires_approval=True, approvers=FINANCE),
        named("staged", requires_approval=True, approvers=STAGES),
        named("open_to_two", requires_approval=True, approvers=Approvers(quorum=2, four_eyes=False)),
        tool(effect="external", name="lost")(lose),
    ]


def play(request: LLMRequest) -> Any:
    """The LLM: one call, as the input says, then the answer."""
    last = request.messages[-1]
    if not isinstance(last, UserMessage):
        return "Done."
    name, row = json.loads(last.text)
    return calls(name, row=row, text="a")


def staff() -> dict[str, Any]:
    looks = ("agents_app.view_approvalrequest", "agents_app.view_agentcontext")
    approves = (DECIDE, APPROVER, *looks, "agents_app.settle_toolcall", ADD_GRANT)
    rights: dict[str, tuple[str, ...]] = {
        **dict.fromkeys(PEOPLE, approves),
        "viewer": looks,
        "stranger": (),
        "half": (DECIDE, ADD_GRANT, *looks),
    }
    del rights["superuser"]
    people = office.persons(rights, is_staff=True)
    people["superuser"] = get_user_model().objects.create_superuser("superuser", password="pw")
    finance, support = (Group.objects.create(name=name) for name in ("Finance", "Support"))
    for name in ("requester", "approver", "second", "inactive", "half"):
        finance.user_set.add(people[name])
    support.user_set.add(people["other"])
    return people


@pytest.fixture
def people(transactional_db: None, agents: AgentsKit) -> Iterator[dict[str, Any]]:
    done.clear()
    agents.scripted_llm(Porter, script(*[play] * 4))
    with registry.override(Porter), telling():
        yield staff()


def begin(case: Case, people: dict[str, Any]) -> Any:
    return start_run(Porter, json.dumps([case.tool, case.name]), user=people["requester"])


def waiting(case: Case, run: Any, people: dict[str, Any]) -> Asked:
    """The row's request, in the state in which the person finds it."""
    request = ApprovalRequest.objects.filter(context_id=run.id).first()
    call = ToolCall.objects.get(context_id=run.id)
    first = Asked(request=request, call=call, people=people, digest=call.digest)
    if case.state is not None:
        case.state(first)
        call.refresh_from_db()
    return Asked(request=request, call=call, people=people, digest=call.digest)


def tried(door: Door, case: Case, run: Any) -> tuple[str, str, bool]:
    """Kind and code as the door tells them, and whether a decision of this person was written."""
    people = {user.username: user for user in get_user_model().objects.all()}
    asked = waiting(case, run, people)
    before = Decision.objects.filter(call=asked.call).count()
    kind, _, code = door.offers[case.command](Act(case=case, asked=asked)).partition(":")
    made = list(Decision.objects.filter(call=asked.call).order_by("pk"))[before:]
    assert all((each.user_name, each.door) == (case.who, door.records) for each in made), case.name
    return kind, code, bool(made)


def cases(door: Door, command: str, whole: bool) -> list[Case]:
    """All; or every second, of two doors that stand beside each other the one those that the other has not."""
    found = [case for case in TABLE if case.command == command]
    return found if whole else found[DOORS.index(door) % 2 :: 2]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_rule_holds_at(
    door: Door, command: str, people: dict[str, Any], agents: AgentsKit, pytestconfig: pytest.Config
) -> None:
    if command not in door.offers:
        assert door.name in NOT_THERE[command]
        return
    rows = [(case, begin(case, people)) for case in cases(door, command, pytestconfig.getoption("--long"))]
    agents.run_until_idle()
    get_user_model().objects.filter(username="inactive").update(is_active=False)
    different = {}
    for case, run in rows:
        kind, code = door.expected(case)
        told = tried(door, case, run)
        decides = kind == "done" and command in DECISIONS and case.name not in REPEATED
        wanted = (kind, code if told[1] and code else told[1], decides)
        if told != wanted:
            different[case.name] = {"told": told, "wanted": wanted}
    assert different == {}
    agents.run_until_idle()
    assert sorted(done) == sorted(case.name for case, _ in rows if case.runs)
