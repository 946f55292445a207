"""What clients send over a websocket, and the replies."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents_app.core.budgets import MOST_COUNT, Period
from agents_app.core.bulk import MOST_AT_ONCE, BulkVerdict
from agents_app.core.grants import GrantScope
from agents_app.core.moments import GivenMoment
from agents_app.core.priority import Priority
from agents_app.core.status import Verdict
from agents_app.live.frames import Frame

Key = Annotated[str, Field(max_length=100)]
UserName = Annotated[str, Field(min_length=1, max_length=254)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)] | None


class CommandFrame(BaseModel):
    """Base of the commands. `id` is the client's own: the reply carries it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["command"]
    id: Annotated[str, Field(min_length=1, max_length=100)]


class ApproveCommand(CommandFrame):
    """Allow one exact tool call."""

    name: Literal["approve"]
    request: Key = Field(description="The id of the approval request.")
    digest: Key = Field(description="The digest of the arguments as they were shown.")
    arguments: dict[str, Any] | None = Field(default=None, description="Other arguments to use instead.")
    reason: str = ""


class RejectCommand(CommandFrame):
    """Do not allow a tool call."""

    name: Literal["reject"]
    request: Key = Field(description="The id of the approval request.")
    reason: str = Field(description="The agent reads it and takes it up.")
    digest: Key | None = Field(default=None, description="The digest of the arguments as they were shown.")


class SendBackCommand(CommandFrame):
    """Give a tool call back to the agent with instructions; it may propose another."""

    name: Literal["send_back"]
    request: Key = Field(description="The id of the approval request.")
    instructions: str = Field(description="What to do instead; the agent reads it.")
    digest: Key | None = Field(default=None, description="The digest of the arguments as they were shown.")


class ClaimCommand(CommandFrame):
    """Take an approval request on: others see it, and may still decide."""

    name: Literal["claim"]
    request: Key = Field(description="The id of the approval request.")


class ReleaseCommand(CommandFrame):
    """Give an approval request back that was taken on."""

    name: Literal["release"]
    request: Key = Field(description="The id of the approval request.")


class ReassignCommand(CommandFrame):
    """Hand an approval request to somebody who may decide on it."""

    name: Literal["reassign"]
    request: Key = Field(description="The id of the approval request.")
    to: UserName = Field(description="The name of the user.")


class ChosenRequest(BaseModel):
    """One of many requests, with the digest of its arguments as they were shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Key
    digest: Key


class DecideManyCommand(CommandFrame):
    """Say the same to many approval requests; the reply's `result` says what came of each."""

    name: Literal["decide_many"]
    verdict: BulkVerdict
    requests: list[ChosenRequest] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: str = Field(default="", description="Needed to reject or send back; the agents read it.")


class MakeGrantCommand(CommandFrame):
    """Allow the like of a request from now on, within limits; the request itself is not decided by it."""

    name: Literal["make_grant"]
    request: Key = Field(description="The id of the approval request.")
    scope: GrantScope = Field(
        description="Where it counts: in runs of the request's session, of its user, of its agent."
    )
    conditions: list[dict[str, Any]] | Literal["any"] = Field(
        description='On the arguments, all must hold: path, operator, value; items where [*]. "any": whatever they are.'
    )
    expires_at: GivenMoment | Literal["never"]
    uses: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="null: as many as wanted.")
    reason: str = ""


class RevokeGrantCommand(CommandFrame):
    """Let a standing grant count no more."""

    name: Literal["revoke_grant"]
    grant: Key = Field(description="The id of the grant.")
    reason: str = ""


class SettleCommand(CommandFrame):
    """Say what became of a tool call of unknown outcome."""

    name: Literal["settle"]
    call: Key = Field(description="The id of the tool call.")
    verdict: Literal[Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP]
    result: Any = Field(default=None, description="What the tool would have returned, if it happened: of its type.")
    reason: str = Field(default="", description="How you know. Needed to give up: the agent reads it.")


class AnswerCommand(CommandFrame):
    """Answer an agent's question."""

    name: Literal["answer"]
    request: Key = Field(description="The id of the input request.")
    answer: Any = Field(description="A text, or what the question's schema asks for.")


class SetBudgetCommand(CommandFrame):
    """Set what one run, session or user may spend per period, in place of the limits there were."""

    name: Literal["set_budget"]
    run: Key | None = Field(default=None, description="The id of the run; nobody named: the run of this websocket.")
    session: Key | None = Field(default=None, description="The id of the session.")
    user: Annotated[str, Field(max_length=254)] | None = Field(default=None, description="The name of the user.")
    period: Period = Field(default=Period.EVER, description="When spending begins anew.")
    steps: Count = Field(default=None, description="LLM turns and tool calls together.")
    tool_calls: Count = None
    tokens: Count = None
    money: Annotated[str, Field(max_length=40)] | None = Field(default=None, description='USD: "2.50".')
    ends_at: GivenMoment | None = Field(default=None, description="Nothing more may be spent after it.")


ACCEPT = "Go on under the code there is now: its hash, as code-change/ of the REST API shows it."


class RunCommand(CommandFrame):
    """Base of the commands on a run."""

    run: Key | None = Field(default=None, description="The id of the run; left out: the run of this websocket.")


class CancelCommand(RunCommand):
    """Ask a run to end."""

    name: Literal["cancel"]
    reason: str = ""


class PauseCommand(RunCommand):
    """Hold a run."""

    name: Literal["pause"]
    reason: str = ""


class SwitchOffCommand(CommandFrame):
    """The kill switch: with neither agent nor tool, everything."""

    name: Literal["switch_off"]
    reason: str
    agent: str = ""
    tool: str = ""


class SwitchOnCommand(CommandFrame):
    """End a kill switch."""

    name: Literal["switch_on"]
    switch: Key
    reason: str = ""


class ResumeCommand(RunCommand):
    """Let a paused run go on."""

    name: Literal["resume"]
    accept_changes: Key | None = Field(default=None, description=ACCEPT)


class RetryCommand(RunCommand):
    """Let a failed run go on."""

    name: Literal["retry"]
    accept_changes: Key | None = Field(default=None, description=ACCEPT)


class SetPriorityCommand(RunCommand):
    """Change which run is taken first when more is due than workers can drive."""

    name: Literal["set_priority"]
    priority: Priority


class HideCommand(RunCommand):
    """Let nobody see an ended run any more but those who may see hidden runs."""

    name: Literal["hide"]
    reason: str = ""


class RevealCommand(RunCommand):
    """Let a hidden run be seen again."""

    name: Literal["reveal"]


class RestoreCommand(RunCommand):
    """Bring an archived run back, to be read."""

    name: Literal["restore"]


class ErrorBody(BaseModel):
    """Why a command was not done. `code` is stable; `message` is for people."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class ReplyFrame(Frame):
    """The answer to a command (or, with `id` null, to what could not be read as one)."""

    type: Literal["reply"] = "reply"
    id: str | None
    ok: bool
    status: str | None = Field(default=None, description="The new status of what the command was about.")
    error: ErrorBody | None = None
    result: Any = Field(default=None, description="What the command gives, as REST would, if more than a status.")
