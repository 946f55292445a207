"""What clients send to look after what is kept: delegations."""

from typing import Literal

from pydantic import AwareDatetime, Field

from agents_app.ws.frames import CommandFrame, Key, UserName


class ListDelegationsCommand(CommandFrame):
    """The newest delegations that one may know of."""

    name: Literal["list_delegations"]


class DelegateCommand(CommandFrame):
    """Let somebody decide in one's place for a while."""

    name: Literal["delegate"]
    to: UserName = Field(description="The name of the user who decides instead.")
    until: AwareDatetime
    since: AwareDatetime | None = Field(default=None, description="Now if left out.")
    giver: UserName | None = Field(default=None, description="Whose decisions, if not one's own.")
    reason: str = ""


class RevokeDelegationCommand(CommandFrame):
    """End a delegation."""

    name: Literal["revoke_delegation"]
    delegation: Key = Field(description="The id of the delegation.")
