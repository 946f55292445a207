"""What of a run's rows speaks of its person, and what is put in its place: in the database and in archives alike.

The skeleton stays: that something was done, when, by which tool, who decided. A field that is named nowhere here is
part of it; a test demands that each field with a text is named, or known to be harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERASED = "erased"
"""In the place of the person's name."""

BLANK: Mapping[str, Mapping[str, Any]] = {
    "agentcontext": {"user_id": None},
    "rundetails": {
        "input": "",
        "metadata": {},
        "output": None,
        "error": "",
        "held_why": "",
        "cancelled_why": "",
        "hidden_why": "",
        "user_name": ERASED,
        "idempotency_key": None,
        "subject_type_id": None,
        "subject_id": "",
    },
    "agentstep": {"response": None, "error": "", "sent": None},
    "runbriefing": {"content": {}},
    "toolcall": {
        "arguments": "{}",
        "sealed": "",
        "proposed_arguments": "",
        "arguments_hash": "",
        "result": None,
        "note": "",
        "error": "",
    },
    "approvalrequest": {"reason": "", "summary": ""},
    "decision": {"reason": "", "arguments": "", "arguments_before": ""},
    "inputrequest": {"question": "", "schema": None, "answer": None},
    "eventcursor": {"error": ""},
    "notification": {"error": ""},
}
"""By table, what fields hold afterwards."""

NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "rundetails": {"started_by_name": ("started_by_id",), "held_by": (), "cancelled_by": (), "hidden_by": ()},
    "approvalrequest": {"requester_name": ("requester_key",), "claimed_by_name": ("claimed_by_key",)},
    "namedapprover": {"person_name": ("person_key",)},
    "decision": {"user_name": ("user_id", "address"), "on_behalf_of_name": ("on_behalf_of_key",)},
    "inputrequest": {"answered_by_name": ("answered_by_id",)},
}
"""Fields with the name of whoever acted. Only the person's own is replaced, and the fields beside it emptied: the
record of what others did and decided stays."""

EVENT_TEXTS = ("message", "reason", "query", "key")
ACTORS = ("by", "to", "on_behalf_of")
"""In the payloads of events."""

HARMLESS: Mapping[str, tuple[str, ...]] = {
    "rundetails": ("agent_version", "definition_hash", "error_code", "held_code", "narrowed"),
    "agentcontext": ("agent", "status", "at_limit", "chain_salt", "chain_head"),
    "agentstep": ("kind", "status", "llm", "error_code", "reservation"),
    "toolcall": (
        *("provider_id", "tool", "effect", "schema_hash", "digest", "idempotency_key", "status", "error_code"),
    ),
    "approvalrequest": (
        *("status", "rule", "digest", "permission", "approvers", "stage_permission", "group"),
        *("requester_key", "claimed_by_key", "on_expiry", "escalate_to", "escalate_to_group", "risk"),
    ),
    "namedapprover": ("person_key",),
    "decision": ("verdict", "door", "digest_shown", "digest", "on_behalf_of_key"),
    "inputrequest": ("provider_id", "status"),
    "agentevent": ("type", "link", "bound", "digest"),
    "eventcursor": ("handler",),
    "notification": ("channel", "to", "kind", "state"),
    "llmplace": ("llm",),
    "runslot": ("limit",),
    "agentbudget": ("scope", "period"),
}
"""Fields with texts that come from code, or are hashes of a decided call: what was approved must stay provable. Keys
of people go with the names beside them."""


KEPT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "fact": {"by_name": ()},
    "entity": {"by_name": ()},
    "memorychange": {"by_name": ("by_key",)},
    "approvalpolicy": {"made_by": (), "updated_by": ()},
    "killswitch": {"off_by": (), "on_by": ()},
    "delegation": {
        "giver_name": ("giver_key", "reason"),
        "receiver_name": ("receiver_key", "reason"),
        "made_by_name": (),
        "revoked_by_name": (),
    },
    "standinggrant": {
        "owner_name": ("owner_key", "reason"),
        "user_name": ("user_key", "conditions"),
        "revoked_by_name": ("revoked_by_key", "revoked_reason"),
    },
}
"""The same of what staff keep, which belongs to no run: the person's name is replaced, and what is beside it."""

OF_OTHERS = ("place", "user_key", "user_name", "agent", "visibility", "origin", "origin_detail")

KEPT_HARMLESS: Mapping[str, tuple[str, ...]] = {
    # Whose memory it is has it deleted; what is said of others stays.
    "fact": (*OF_OTHERS, "key", "text", "digest", "embedder"),
    "entity": (*OF_OTHERS, "type", "name", "normal_name", "attributes", "aliases"),
    "memorychange": ("kind", "act", "user_key", "agent", "before", "after", "reason"),
    "approvalpolicy": ("name", "agent", "tool", "conditions", "answer", "reason", "approvers"),
    "killswitch": ("agent", "tool", "reason", "on_reason"),
    "delegation": (),
    "standinggrant": ("agent", "tool", "scope", "door"),
}
"""What staff wrote of agents and tools, not of a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whose data it is: the primary key, and the name under which rows keep them."""

    pk: Any
    name: str


def erased(table: str, values: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """Of a row's values (by column), those that change."""
    wanted = dict(BLANK.get(table, {}))
    for name, beside in NAMES.get(table, {}).items():
        if person.name and values.get(name) == person.name:
            wanted |= {name: ERASED, **{column: "" if column.endswith("_key") else None for column in beside}}
    if table == "agentevent":
        wanted["data"] = _event(values["data"], person)
    return {name: value for name, value in wanted.items() if name in values and values[name] != value}


def _event(data: Mapping[str, Any], person: Person) -> dict[str, Any]:
    kept = {name: "" if name in EVENT_TEXTS else value for name, value in data.items()}
    for name in ACTORS:
        if person.name and kept.get(name) == person.name:
            kept[name] = ERASED
    return kept
