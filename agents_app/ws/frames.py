"""What clients send over a websocket, and the replies."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents_app.core.status import Verdict
from agents_app.live.frames import Frame

Key = Annotated[str, Field(max_length=100)]


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


class SettleCommand(CommandFrame):
    """Say what became of a tool call of unknown outcome."""

    name: Literal["settle"]
    call: Key = Field(description="The id of the tool call.")
    verdict: Literal[Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP]
    result: Any = Field(default=None, description="What the tool would have returned, if it happened.")
    reason: str = ""


class AnswerCommand(CommandFrame):
    """Answer an agent's question."""

    name: Literal["answer"]
    request: Key = Field(description="The id of the input request.")
    answer: Any = Field(description="A text, or what the question's schema asks for.")


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
