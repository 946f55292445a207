"""The JSON Schema of all frames. `python -m agents_app.ws.schema > docs/reference/websocket.schema.json` writes it."""

import json
import sys
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from agents_app.live import frames as sent
from agents_app.ws import frames as received
from agents_app.ws import keeping_frames as kept

Sent = Annotated[
    sent.HelloFrame | sent.EventFrame | sent.DeltaFrame | sent.InboxFrame | received.ReplyFrame,
    Field(discriminator="type"),
]
Received = Annotated[
    received.ApproveCommand
    | received.RejectCommand
    | received.SendBackCommand
    | received.ClaimCommand
    | received.MakeGrantCommand
    | received.RevokeGrantCommand
    | received.ReleaseCommand
    | received.ReassignCommand
    | received.DecideManyCommand
    | received.SettleCommand
    | received.AnswerCommand
    | received.CancelCommand
    | received.PauseCommand
    | received.ResumeCommand
    | received.RetryCommand
    | received.SwitchOffCommand
    | received.SwitchOnCommand
    | received.SetPriorityCommand
    | received.SetBudgetCommand
    | received.HideCommand
    | received.RevealCommand
    | received.RestoreCommand
    | kept.ListDelegationsCommand
    | kept.DelegateCommand
    | kept.RevokeDelegationCommand
    | kept.ListPoliciesCommand
    | kept.ReadPolicyCommand
    | kept.SavePolicyCommand
    | kept.RemovePolicyCommand
    | kept.CheckPolicyCommand
    | kept.ReleaseNotificationCommand,
    Field(discriminator="name"),
]


def schema() -> dict[str, Any]:
    """`server`: what the server sends; `client`: what it takes."""
    parts, shared = TypeAdapter.json_schemas(
        [("server", "serialization", TypeAdapter(Sent)), ("client", "validation", TypeAdapter(Received))],
        title="Frames of the websockets of agents_app",
    )
    sides = {f"{side.title()}Frame": part for (side, _), part in parts.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": shared["title"],
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in sides],
        "$defs": {**sides, **shared["$defs"]},
    }


def schema_text() -> str:
    """As it is committed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
