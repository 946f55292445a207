"""What clients send to look after what is kept: delegations, policies, parked notifications."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents_app.core.moments import GivenMoment
from agents_app.ws.frames import CommandFrame, Key, UserName


class ListDelegationsCommand(CommandFrame):
    """The newest delegations that one may know of."""

    name: Literal["list_delegations"]


class DelegateCommand(CommandFrame):
    """Let somebody decide in one's place for a while."""

    name: Literal["delegate"]
    to: UserName = Field(description="The name of the user who decides instead.")
    until: GivenMoment
    since: GivenMoment | None = Field(default=None, description="Now if left out.")
    giver: UserName | None = Field(default=None, description="Whose decisions, if not one's own.")
    reason: str = ""


class RevokeDelegationCommand(CommandFrame):
    """End a delegation."""

    name: Literal["revoke_delegation"]
    delegation: Key = Field(description="The id of the delegation.")


class PolicyValues(BaseModel):
    """What a policy says; what is left out stays as it is, of a new one it takes its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=100)] = ""
    agent: Annotated[str, Field(max_length=100)] = ""
    tool: Annotated[str, Field(max_length=64)] = ""
    conditions: list[dict[str, Any]] = Field(default=[], description="path, operator, value; items where [*].")
    answer: Annotated[str, Field(max_length=5)] = Field(default="ask", description="allow, ask or deny.")
    reason: Annotated[str, Field(max_length=2000)] = ""
    approvers: dict[str, Any] | None = None
    priority: int = 0
    active: bool = True
    valid_from: GivenMoment | None = None
    valid_until: GivenMoment | None = None


class ListPoliciesCommand(CommandFrame):
    """All policies, by name."""

    name: Literal["list_policies"]


class ReadPolicyCommand(CommandFrame):
    """One policy."""

    name: Literal["read_policy"]
    policy: Key = Field(description="The id of the policy.")


class SavePolicyCommand(CommandFrame):
    """Make a policy, or change one; `active: false` switches it off."""

    name: Literal["save_policy"]
    policy: Key | None = Field(default=None, description="The id of the policy to change.")
    values: PolicyValues


class RemovePolicyCommand(CommandFrame):
    """Remove a policy; the reply says what it was."""

    name: Literal["remove_policy"]
    policy: Key = Field(description="The id of the policy.")


class CheckPolicyCommand(CommandFrame):
    """What the policy would answer to a call. Nothing is called but the tool's own rule."""

    name: Literal["check_policy"]
    agent: Annotated[str, Field(max_length=100)]
    tool: Annotated[str, Field(max_length=64)]
    arguments: dict[str, Any] = {}
    user: UserName | None = Field(default=None, description="Whose run it would be.")


class ReleaseNotificationCommand(CommandFrame):
    """Let a parked notification be sent again."""

    name: Literal["release_notification"]
    notification: Key = Field(description="The id of the notification.")
