"""What requests on memory say."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from agents_app.api.bodies import Body, Reason, UserName
from agents_app.core.memory import ALIASES, KEY_LIMIT, NAME_LIMIT, TEXT_LIMIT, TYPE_LIMIT, Visibility
from agents_app.core.moments import GivenMoment

LARGEST_VERSION = 2**31 - 1

Text = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
Key = Annotated[str, Field(max_length=KEY_LIMIT)]
Kind = Annotated[str, Field(min_length=1, max_length=TYPE_LIMIT)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
Confidence = Annotated[float, Field(ge=0, le=1)]


class AddFact(Body):
    """A fact to keep."""

    text: Text = Field(description="One short sentence.")
    key: Key = Field("", description="What it is about: a newer fact of the same key takes its place.")
    user: UserName | None = Field(None, description="The name of the user whose it is; your own if it is left out.")
    session: UUID | None = Field(None, description="Keep it for this session alone; not together with `user`.")
    confidence: Confidence = 1.0
    visibility: Visibility = Field(
        Visibility.USER, description="`staff`, which takes agents_app.change_memory, is told to no LLM."
    )
    valid_from: GivenMoment | None = None
    valid_until: GivenMoment | None = None


class CorrectFact(Body):
    """What a fact says rightly. What is left out stays as it was."""

    text: Text | None = None
    key: Key | None = Field(None, description="What it is about; null: as it was.")
    confidence: Confidence | None = None
    visibility: Visibility | None = Field(None, description="Takes agents_app.change_memory.")
    valid_from: GivenMoment | None = Field(None, description="Given as null: from ever.")
    valid_until: GivenMoment | None = Field(None, description="Given as null: without an end.")
    reason: Reason = ""

    def values(self) -> dict[str, Any]:
        """What is to be changed: an end may be taken away, the rest only be changed."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"reason"}}
        ends = ("valid_from", "valid_until")
        return {name: value for name, value in given.items() if value is not None or name in ends}


class AddEntity(Body):
    """A person or thing to keep."""

    type: Kind = Field(description="A word, such as person, company, device.")
    name: Name
    attributes: dict[str, Any] = Field({}, description="What is known of it.")
    aliases: list[Name] = Field([], max_length=ALIASES, description="Its other names.")
    user: UserName | None = Field(None, description="The name of the user whose it is; your own if it is left out.")
    session: UUID | None = Field(None, description="Keep it for this session alone; not together with `user`.")
    visibility: Visibility = Field(
        Visibility.USER, description="`staff`, which takes agents_app.change_memory, is told to no LLM."
    )


class CorrectEntity(Body):
    """What is right of an entity. What is left out stays as it was."""

    type: Kind | None = None
    name: Name | None = None
    attributes: dict[str, Any] | None = Field(None, description="All of them from now on.")
    aliases: list[Name] | None = Field(None, max_length=ALIASES, description="All of them from now on.")
    reason: Reason = ""

    def values(self) -> dict[str, Any]:
        """What is to be changed."""
        names = ("type", "name", "attributes", "aliases")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class MergeEntity(Body):
    """Which entity is the same."""

    into: UUID = Field(description="The one that stays, with the names of both.")


class UpdateWorking(Body):
    """What the runs of a session share from now on."""

    document: dict[str, Any] = Field(
        description="All that it holds from now on; with `merge` the members to change, of which null takes one away."
    )
    version: int = Field(
        ge=0, le=LARGEST_VERSION, description="Which you have read; 0 if there was none. Another one by now is a 409."
    )
    merge: bool = False
    reason: Reason = ""
