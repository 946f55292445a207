"""The committed schema is the code's, and the frames of the documentation fit it."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agents_app.ws.commands import COMMANDS
from agents_app.ws.schema import schema, schema_text
from agents_app.ws.sockets import CloseCode

pytestmark = pytest.mark.once

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
PAGE = (REFERENCE / "websocket.md").read_text()
EXAMPLES = [line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.strip().splitlines()]


def test_the_committed_schema_is_current() -> None:
    committed = (REFERENCE / "websocket.schema.json").read_text()
    assert committed == schema_text(), "run: python -m agents_app.ws.schema > docs/reference/websocket.schema.json"


def test_there_are_examples_of_every_frame() -> None:
    Draft202012Validator.check_schema(schema())
    frames = [json.loads(example) for example in EXAMPLES]
    assert {frame["type"] for frame in frames} == {"hello", "event", "delta", "inbox", "reply", "command"}
    assert {frame["name"] for frame in frames if frame["type"] == "command"} == set(COMMANDS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_fit_the_schema(example: str) -> None:
    frame = json.loads(example)
    side = "ClientFrame" if frame["type"] == "command" else "ServerFrame"
    validator = Draft202012Validator({**schema(), "anyOf": [{"$ref": f"#/$defs/{side}"}]})
    validator.validate(frame)


@pytest.mark.parametrize("frame", [{}, {"type": "command", "id": "c"}, {"type": "event", "sequence": 0}, {"type": "x"}])
def test_what_is_no_frame_does_not(frame: dict[str, object]) -> None:
    assert not Draft202012Validator(schema()).is_valid(frame)


def test_every_command_and_code_is_documented() -> None:
    assert [name for name in COMMANDS if f"`{name}`" not in PAGE] == []
    assert [code for code in CloseCode if f"| {code.value} |" not in PAGE] == []
