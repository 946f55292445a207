"""What a run does, turn by turn. The LLM reads its plan from the input of the run.

A turn is a list of tools to call together. `ask` asks the user; `err500` and `err400` let the LLM itself fail, a few
times or for good, before the turn that follows.
"""

import json
import os

from tests.chaos.apps import PLANT
from tests.chaos.wanted import PLANTS

PLANS: dict[str, list[list[str]]] = {
    "mixed": [["read", "read", "book"], ["send"], ["write"]],
    "booker": [["book"], ["write"], ["book"]],
    "sender": [["send"], ["read"], ["send"]],
    "gated": [["read"], ["pay"], ["write"]],
    "edited": [["pay"], ["read"]],
    "rejected": [["pay"], ["read"]],
    "asked": [["ask"], ["book"]],
    "reconciled": [["post"], ["write"]],
    "searched": [["post"], ["post"]],
    "isolated": [["dig"], ["write"]],
    "slow": [["book", "wait"]],
    "slower": [["wait", "read"]],
    "stumbling": [["err500"], ["write"]],
    "failing": [["read"], ["err400"], ["book"]],
    "paused": [["read"], ["wait"], ["book"]],
    "cancelled": [["pay"], ["send"]],
    "abandoned": [["read"], ["pay"]],
    "unanswered": [["read"], ["ask"]],
}
"""Nobody decides on the gated call of `abandoned`: it expires. Nobody answers `unanswered`: it waits to the end."""

KINDS = tuple(PLANS)


def kind_of(number: int) -> str:
    """The plan of the run with this number: all kinds in turn, or those in which what is broken on purpose shows."""
    kinds = PLANTS[os.environ[PLANT]].kinds if PLANT in os.environ else KINDS
    return kinds[number % len(kinds)]


def input_of(number: int) -> str:
    """What the run is started with."""
    kind = kind_of(number)
    return json.dumps({"number": number, "kind": kind, "turns": PLANS[kind]})
