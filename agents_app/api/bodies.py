"""What requests say, and what only the API answers."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents_app.core.budgets import MOST_COUNT, Budget, Period
from agents_app.core.bulk import MOST_AT_ONCE, BulkVerdict
from agents_app.core.grants import GrantScope
from agents_app.core.moments import GivenMoment
from agents_app.core.priority import Priority
from agents_app.models import Mode
from agents_app.selectors.shapes import BudgetShape, EventShape, Moment, Shape

REASON_LIMIT = 10_000
LATEST_START = timedelta(days=3660)


def _soon_enough(moment: datetime) -> datetime:
    now = datetime.now(UTC)
    # The year first: a moment at the edge of the calendar cannot be compared across time zones.
    if abs(moment.year - now.year) > 11 or moment > now + LATEST_START:
        raise ValueError("a run starts within the next ten years")
    return moment


Reason = Annotated[str, Field(max_length=REASON_LIMIT)]


class Body(BaseModel):
    """Base of the bodies: unknown fields are errors, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SetPreference(Body):
    """Say when one wants to be told on a channel."""

    channel: str = Field(description="As it stands in the list of preferences.", min_length=1, max_length=100)
    mode: Mode = Field(description="`at_once`, `digest` or `off`.")


class EraseUser(Body):
    """Erase what runs hold of a person."""

    user: str = Field(description="The name of the user.", min_length=1, max_length=200)
    reason: str = Field("", max_length=REASON_LIMIT, description="Recorded in each run: do not name the person.")
    cancel: bool = Field(False, description="Cancel runs that have not ended; else they are refused.")
    dry_run: bool = Field(False, description="Only say what would be erased.")


class ErasureShape(Shape):
    """What was erased, or would be."""

    runs: int
    archived_runs: int
    sessions: int
    memories: int = Field(description="Facts, entities, working memories, and changes of them.")
    still_open: list[UUID] = Field(description="Runs that have not ended yet: repeat it when they have.")


class CloseBreaker(Body):
    """Let an LLM that is down be asked again."""

    name: str = Field(description="As it stands in the list of LLMs.", min_length=1, max_length=200)


class PolicyBody(Body):
    """A policy; what is left out stays as it is, of a new one it takes its default."""

    name: str = Field("", max_length=100)
    agent: str = Field("", max_length=100)
    tool: str = Field("", max_length=64)
    conditions: list[dict[str, Any]] = Field(default=[], description="path, operator, value; items where [*].")
    answer: str = Field("ask", max_length=5, description="allow, ask or deny.")
    reason: str = Field("", max_length=2000)
    approvers: dict[str, Any] | None = None
    priority: int = 0
    active: bool = True
    valid_from: GivenMoment | None = None
    valid_until: GivenMoment | None = None


class CheckPolicy(Body):
    """A call to ask about."""

    agent: str = Field(max_length=100)
    tool: str = Field(max_length=64)
    arguments: dict[str, Any] = {}
    user: str | None = Field(None, max_length=200, description="Whose run it would be.")


class RuleAnswer(Shape):
    """What one rule says."""

    answer: str
    rule: str
    reason: str
    priority: int


class GrantAnswer(Shape):
    """A standing grant that would let the call through, in runs of its scope."""

    id: UUID
    owner: str
    scope: GrantScope
    user: str | None
    session: UUID | None
    uses_left: int | None
    expires_at: Moment | None


class ExplanationShape(Shape):
    """What the policy answers."""

    answer: str
    rule: str
    reason: str
    switched_off: bool
    rules: list[RuleAnswer]
    grants: list[GrantAnswer] = Field(description="Standing grants that would let the call through unasked.")


class SwitchOff(Body):
    """What to switch off: with neither agent nor tool, everything."""

    agent: str = Field("", max_length=100)
    tool: str = Field("", max_length=64)
    reason: Reason = Field(description="Staff and the agents read it.", min_length=1)


class BudgetBody(Body):
    """What may be spent at most; what is left out has no limit."""

    steps: int | None = Field(None, ge=0, le=MOST_COUNT, description="LLM turns and tool calls together.")
    tool_calls: int | None = Field(None, ge=0, le=MOST_COUNT)
    tokens: int | None = Field(None, ge=0, le=MOST_COUNT)
    money: Annotated[str, Field(max_length=40)] | None = Field(None, description='USD: "2.50".')

    def budget(self) -> Budget:
        """As commands take it."""
        return Budget(steps=self.steps, tool_calls=self.tool_calls, tokens=self.tokens, money=self.money)


class SetBudget(BudgetBody):
    """What one run, one session or one user may spend per period; replaces the limits there were."""

    run: Annotated[str, Field(max_length=36)] | None = Field(None, description="The id of the run.")
    session: Annotated[str, Field(max_length=36)] | None = Field(None, description="The id of the session.")
    user: Annotated[str, Field(max_length=254)] | None = Field(None, description="The name of the user.")
    period: Period = Field(Period.EVER, description="When spending begins anew.")
    ends_at: GivenMoment | None = Field(None, description="Nothing more may be spent after it.")


class SetPriority(Body):
    """Which run is taken first when more is due than workers can drive."""

    priority: Priority


class StartRun(Body):
    """Start a run of an agent."""

    agent: str = Field(description="The agent's name.", max_length=100)
    input: str = Field(description="What it is asked to do.", min_length=1)
    session: str | None = Field(None, description="The key of a conversation that runs share.", max_length=200)
    subject: str | None = Field(
        None, description="The object that it is about: app.model:key. You must be allowed to view it.", max_length=400
    )
    metadata: dict[str, Any] = Field({}, description="JSON values for the project's own use.")
    run_at: Annotated[GivenMoment, AfterValidator(_soon_enough)] | None = Field(None, description="Not before.")
    budget: BudgetBody | None = Field(None, description="Narrows what its agent lets a run spend.")
    priority: Priority | None = Field(
        None, description="Which is taken first when more is due than workers can drive; the agent's own if left out."
    )
    memory: bool | None = Field(None, description="false: a run that remembers nothing; else as its agent says.")
    knowledge: bool | None = Field(None, description="false: a run that looks nothing up; else as its agent says.")
    user: str | None = Field(
        None,
        description="The name of the user whose run it shall be, if not yours; needs agents_app.control_run.",
        max_length=254,
    )


class MakeGrant(Body):
    """How far a standing grant goes."""

    scope: GrantScope = Field(
        description="Where it counts: in runs of the request's session, of its user, of its agent."
    )
    conditions: list[dict[str, Any]] | Annotated[str, Field(pattern="^any$")] = Field(
        description='On the arguments, all must hold: path, operator, value; items where [*]. "any": whatever they are.'
    )
    expires_at: GivenMoment | Annotated[str, Field(pattern="^never$")] = Field(
        description='Until when; "never": it has no end.'
    )
    uses: int | None = Field(None, ge=1, le=1_000_000, description="How many calls; null: as many as wanted.")
    reason: Reason = ""


class WithReason(Body):
    """Why, for the record."""

    reason: Reason = ""


class ChosenRequest(Body):
    """One of many requests that are decided at once."""

    id: str = Field(max_length=100)
    digest: str = Field(description="Of the arguments as they were shown.", max_length=64)


class DecideMany(Body):
    """One answer to many requests."""

    verdict: BulkVerdict
    requests: list[ChosenRequest] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: Reason = Field("", description="Needed to reject or send back; the agents read it.")


class Nothing(Body):
    """No fields."""


class GoOn(Body):
    """Let it go on."""

    accept_changes: str | None = Field(
        None,
        description="The `code` of code-change/: go on under the code there is now. Needed where code_changed says so.",
        max_length=64,
    )


class Approve(Body):
    """Allow the call."""

    digest: str = Field(description="Of the arguments as they were shown to you.", max_length=64)
    arguments: dict[str, Any] | None = Field(None, description="Others to use instead: approve with an edit.")
    reason: Reason = ""


class Reject(Body):
    """Do not allow the call."""

    reason: Reason = Field(description="The agent reads it.", min_length=1)
    digest: str | None = Field(None, description="Of the arguments as they were shown to you.", max_length=64)


class SendBack(Body):
    """Give the call back to the agent."""

    instructions: Reason = Field(description="What to do instead; the agent reads it.", min_length=1)
    digest: str | None = Field(None, description="Of the arguments as they were shown to you.", max_length=64)


UserName = Annotated[str, Field(min_length=1, max_length=254)]


class Reassign(Body):
    """Hand a request to somebody."""

    to: UserName = Field(description="The name of a user who may decide on it.")


class Delegate(Body):
    """Let somebody decide in one's place for a while."""

    to: UserName = Field(description="The name of the user who decides instead.")
    until: GivenMoment = Field(description="Within a year of its beginning.")
    since: GivenMoment | None = Field(None, description="Now if left out.")
    giver: UserName | None = Field(None, description="Whose decisions, if not your own.")
    reason: Reason = ""


class Settlement(StrEnum):
    """What became of a call."""

    HAPPENED = "happened"
    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"


class Settle(Body):
    """Say what became of a call of unknown outcome."""

    verdict: Settlement
    result: Any = Field(None, description="What the tool would have returned, if it happened: of its return type.")
    reason: Reason = Field("", description="How you know. Needed to give up: the agent reads it.")


class Answer(Body):
    """Answer a question."""

    answer: Any = Field(description="A text, or what the question's schema asks for.")


class TicketShape(Shape):
    """Log in to a websocket with `?ticket=…`, where no cookie can be sent."""

    ticket: str
    expires_in: float = Field(description="Seconds.")


class EventsShape(Shape):
    """Some events of a run."""

    results: list[EventShape]
    after: int = Field(description="The number of the last one; ask for more with it.")
    more: bool = Field(description="There are more already.")


class RunBudgetsShape(Shape):
    """The budgets that limit a run."""

    results: list[BudgetShape]
