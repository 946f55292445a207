"""What goes in comes out: arguments and texts of every kind, through rows of either database. On random values,
always the same ones."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from agents_app import Agent, Approvers, tool
from agents_app.core.canonical import clean_json, clean_text, digest
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.models import ToolCall
from agents_app.services import answer_input, approve, reject, send_back, start_run
from agents_app.testing import AgentsKit, calls
from tests import office

pytestmark = pytest.mark.django_db

bounded = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
done: list[tuple[str, Any, Decimal]] = []


class Copyist(Agent[str]):
    """Copies what it is given."""

    name = "copyist"

    @tool(requires_approval=True, approvers=Approvers(four_eyes=False))
    def copy(self, text: str, values: dict[str, Any], amount: Decimal) -> dict[str, Any]:
        """Copy."""
        done.append((text, values, amount))
        return {"text": text, "values": values}


@pytest.fixture(autouse=True)
def copyist() -> Iterator[None]:
    done.clear()
    with registry.override(Copyist):
        yield


WHOLE_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\x00", "a\ud800b", "\u202eabc", "e\u0301", "\U0001f469\u200d\U0001f4bb", "  "]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WHOLE_TEXTS, inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "values": st.dictionaries(WHOLE_TEXTS, VALUES, max_size=3),
        "amount": st.decimals(-(10**25), 10**25, allow_nan=False, places=9).map(str),
    }
)


def expected(arguments: dict[str, Any]) -> tuple[str, Any, Decimal]:
    """What the tool shall get: the same, but for what no database keeps."""
    return clean_text(arguments["text"])[0], clean_json(arguments["values"])[0], Decimal(arguments["amount"])


@bounded
@given(arguments=ARGUMENTS)
def test_the_tool_gets_what_was_approved(agents: AgentsKit, arguments: dict[str, Any]) -> None:
    dora = office.person(f"dora-{len(done)}", *office.DECIDES)
    agents.scripted_llm(Copyist, calls("copy", **arguments), "Done.")
    run = start_run(Copyist, "go")
    agents.run_until_idle()
    request, call = office.request_of(run), office.call_of(run)
    assert request.digest == call.digest == digest(run.id, call.pk, "copy", call.schema_hash, call.arguments)
    assert json.loads(call.arguments)["values"] == expected(arguments)[1]
    approve(request.pk, by=dora, digest=request.digest)
    agents.run_until_idle()
    assert done[-1] == expected(arguments)
    assert repr(done[-1][1]) == repr(json.loads(call.arguments)["values"])
    assert office.call_of(run).result["text"] == done[-1][0]
    assert run.again().status is RunStatus.COMPLETED


@bounded
@given(arguments=ARGUMENTS)
def test_the_tool_gets_what_somebody_changed_it_to(agents: AgentsKit, arguments: dict[str, Any]) -> None:
    """Over REST, where it is JSON; read again, it is the same."""
    client = APIClient()
    client.force_login(office.person(f"dora-{len(done)}", *office.DECIDES))
    agents.scripted_llm(Copyist, calls("copy", text="t", values={}, amount="0.5"), "Done.")
    run = start_run(Copyist, "go")
    agents.run_until_idle()
    request = office.request_of(run)
    address = f"/api/approvals/{request.pk}/"
    body = json.dumps({"digest": request.digest, "arguments": arguments})  # lone surrogates are escaped
    answer = client.post(f"{address}approve/", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert client.get(address).json()["arguments"] == json.loads(office.call_of(run).arguments)
    agents.run_until_idle()
    assert done[-1] == expected(arguments)


@bounded
@given(texts=st.lists(TEXTS.map(lambda text: f"«{text}»"), min_size=5, max_size=5))
def test_texts_come_out(agents: AgentsKit, texts: list[str]) -> None:
    """What was asked, why it was rejected or sent back, what was answered, and what the agent says in the end."""
    said, reason, instructions, reply, output = texts
    dora = office.person(f"dora-{len(done)}", *office.DECIDES, "agents_app.answer_inputrequest")
    done.append(("", None, Decimal(0)))
    asked = [calls("copy", text="t", values={}, amount="1")] * 2
    agents.scripted_llm(Copyist, *asked, calls("ask_user", question=f"?{said}"), output)
    run = start_run(Copyist, said)
    agents.run_until_idle()
    reject(office.request_of(run).pk, by=dora, reason=reason)
    agents.run_until_idle()
    send_back(office.request_of(run).pk, by=dora, instructions=instructions)
    agents.run_until_idle()
    answer_input(office.question_of(run).pk, reply, by=dora)
    agents.run_until_idle()
    clean = [clean_text(text)[0] for text in texts]
    first, second = ToolCall.objects.filter(context_id=run.id, tool="copy").order_by("number")
    assert (first.error, second.error) == (clean[1], clean[2])
    assert office.question_of(run).question == f"?{clean[0]}"
    assert office.question_of(run).answer == clean[3]
    assert (office.context_of(run).details.input, run.again().output) == (clean[0], clean[4])
