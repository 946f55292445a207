"""The description says what the API does."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.settings import patched_settings
from pydantic import BaseModel

from agents_app.api.bodies import Body
from agents_app.api.errors import CODES
from agents_app.api.openapi import component_name, in_dialect
from agents_app.selectors import shapes
from agents_app.selectors.shapes import Shape


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1"])
def test_the_description_is_valid_in_both_dialects(version: str) -> None:
    with patched_settings({"OAS_VERSION": version}):
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=(out := StringIO()))
    assert f"openapi: {version}" in out.getvalue()
    assert ("type: 'null'" in out.getvalue()) is version.startswith("3.1")
    assert ("nullable: true" in out.getvalue()) is version.startswith("3.0")


def test_every_shape_is_a_component(description: dict[str, Any]) -> None:
    components = set(description["components"]["schemas"])
    kinds = [kind for kind in shapes.Shape.__subclasses__() if ".knowledge" not in kind.__module__]  # an app of its own
    found = {component_name(kind.__name__) for kind in kinds}
    assert found <= components
    # A project's own components are called otherwise.
    assert all(name.startswith("Agent") for name in components)


def test_every_operation_says_what_it_is_and_can_go_wrong(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            answers = set(operation["responses"])
            assert {"401", "403", "429"} <= answers, (path, method)
            assert len(answers & {"200", "201"}) == 1, (path, method)
            assert operation["summary"]
            assert operation["description"]
            if method == "post":
                assert {"400", "413", "415"} <= answers, (path, method)
            if "{" in path:
                assert "404" in answers, (path, method)
            for status, answer in operation["responses"].items():
                content = answer["content"]["application/json"]
                assert ("AgentError" in content["schema"].get("$ref", "")) is (int(status) >= 400)


def test_it_is_about_this_api_alone(description: dict[str, Any]) -> None:
    assert description["info"]["title"] == "Agents"
    assert {path.split("/")[2] for path in description["paths"]} == {
        "agents",
        "archived-runs",
        "audit",
        "delegations",
        "erasures",
        "grants",
        "llms",
        "memory",
        "runs",
        "tool-calls",
        "approvals",
        "budgets",
        "input-requests",
        "policies",
        "notification-preferences",
        "notifications",
        "sessions",
        "switches",
        "tickets",
    }


def test_ids_are_uuids_and_amounts_strings(description: dict[str, Any]) -> None:
    read = description["paths"]["/api/runs/{run_id}/"]["get"]
    assert read["parameters"][0]["schema"] == {"type": "string", "format": "uuid"}
    assert description["components"]["schemas"]["AgentStep"]["properties"]["cost"]["type"] == "string"


def test_filters_and_pages_are_described(description: dict[str, Any]) -> None:
    names = {each["name"] for each in description["paths"]["/api/runs/"]["get"]["parameters"]}
    assert names == {
        "agent",
        "status",
        "ended",
        "session",
        "session_id",
        "subject",
        "user",
        "waits_for_slot",
        "internal",
        "cursor",
        "limit",
    }
    start = {each["name"] for each in description["paths"]["/api/runs/"]["post"]["parameters"]}
    assert start == {"wait", "Idempotency-Key"}


def test_null_among_several_types_is_said_in_both_dialects() -> None:
    schema = {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/RunShape"}, {"type": "null"}], "title": "A"}
    run = {"$ref": "#/components/schemas/AgentRun"}
    assert in_dialect(schema) == {"anyOf": [{"type": "string"}, run], "nullable": True}
    assert in_dialect({"anyOf": [run, {"type": "null"}]}) == {"allOf": [run], "nullable": True}
    with patched_settings({"OAS_VERSION": "3.1.1"}):
        assert in_dialect(schema) == {"anyOf": [{"type": "string"}, run, {"type": "null"}]}


def test_codes_of_errors_are_ours_to_keep() -> None:
    assert len(set(CODES.values())) == len(CODES)


def subclasses(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_no_two_things_have_one_name(description: dict[str, Any]) -> None:
    """A component is found by its name: two classes of one name would be described as one of them."""
    found: dict[str, set[str]] = {}
    for shape in {*subclasses(Body), *subclasses(Shape)}:
        if not shape.__module__.startswith("agents_app."):
            continue
        for name, part in shape.model_json_schema().get("$defs", {}).items():
            told = part.get("enum") or sorted(part.get("properties", ()))
            found.setdefault(component_name(name), set()).add(str(told))
    assert {name: parts for name, parts in found.items() if len(parts) > 1} == {}
    assert description["components"]["schemas"]["AgentSettlement"]["enum"] == ["happened", "try_again", "give_up"]
