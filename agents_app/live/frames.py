"""The frames that live clients are sent, over websockets and as server-sent events."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Frame(BaseModel):
    """Base of the frames; `type` says which one it is."""

    model_config = ConfigDict(frozen=True)

    def encoded(self) -> str:
        """As it is sent."""
        return self.model_dump_json()


class HelloFrame(Frame):
    """The first frame of a run: how it stood when the client connected, and after which event the stream goes on."""

    type: Literal["hello"] = "hello"
    run: UUID
    status: str = Field(description="The run's status at this moment.")
    version: int = Field(description="The number of the run's last event at this moment.")
    after: int = Field(description="The stream goes on after the event with this number.")


class EventFrame(Frame):
    """One event of the run's record. Numbers have no gaps: remember the last one, and reconnect with `?after=` it."""

    type: Literal["event"] = "event"
    sequence: int = Field(ge=1)
    event: str = Field(description="The event's name, for example `run.started`.", examples=["run.started"])
    at: datetime
    data: dict[str, Any]


class DeltaFrame(Frame):
    """A piece of the text that the LLM is writing. Not a part of the record: pieces may be missing.

    The record follows as events; then read the transcript.
    """

    type: Literal["delta"] = "delta"
    step: int
    attempt: int
    index: int = Field(
        ge=0, description="How many characters of this attempt came before: 0 starts a text, a jump is a gap."
    )
    text: str


class InboxFrame(Frame):
    """A hint that what waits for people has changed: read the approval requests again. The first one comes at once."""

    type: Literal["inbox"] = "inbox"
    pending: int = Field(
        ge=0, description="Approval requests that wait, in the asked part of the inbox; 1000 are 1000 or more."
    )
    unknown: int = Field(ge=0, description="Tool calls of unknown outcome that a person must settle; counted likewise.")
