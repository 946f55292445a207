"""What the events of a run say, one model for each kind: names of rows and what became of them, no texts of people."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, NaiveDatetime

Moment = AwareDatetime | NaiveDatetime


class Payload(BaseModel):
    """Base of the payloads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Empty(Payload):
    """Nothing to add to the type."""


class RunStarted(Payload):
    agent: str
    by: str | None = None
    run_at: Moment | None = None


class RunWaiting(Payload):
    """For whom: the status says it. `due_at`: when the clock acts if nobody does."""

    status: str
    due_at: Moment | None = None


class RunScheduled(Payload):
    due_at: Moment
    reason: str


class RunHeldBack(Payload):
    """The limit at which no slot was free: of its `agent`, `user` or `session`, of which `most` are driven at once.
    Told once, however often it is looked for a slot."""

    limit: str
    most: int


class ByPerson(Payload):
    """What a person did. `by` is the name at that time; None is the system."""

    by: str | None = None
    reason: str = ""


class RunPrioritised(ByPerson):
    """From the priority `before` to `after`."""

    before: str
    after: str


class RunRecovered(Payload):
    """The lease of `claim` ran out; another worker goes on."""

    claim: int


class RunPaused(ByPerson):
    """`code` says what holds it, if no person does: `code_changed`, `migration_failed`, `poison`."""

    code: str = ""


class RunCodeChanged(Payload):
    """It goes on under other code: by the agent's policy (`continued`), a migration function (`migrated`), or because a
    person accepted it (`accepted`). `before` and `after` are the agent's versions."""

    how: str
    before: str
    after: str
    by: str | None = None


class RunCompleted(Payload):
    steps: int


class RunFailed(Payload):
    code: str
    message: str


class StepChanged(Payload):
    """`llm` is the one that is asked, by its name in the settings; when it has answered, by the provider's."""

    step: UUID
    number: int
    kind: str
    attempt: int
    llm: str | None = None


class CitedPassage(BaseModel):
    """A passage that the answer names by `mark`, [1] or [k42]. Where it stands is told over REST."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mark: str
    id: str


class StepCompleted(StepChanged):
    """`citations`: the passages that the answer of this step names; left out where it names none."""

    citations: tuple[CitedPassage, ...] | None = None


class StepFailed(StepChanged):
    code: str
    message: str


class ToolCallChanged(Payload):
    call: UUID
    number: int
    tool: str


class ToolCallProposed(ToolCallChanged):
    effect: str
    step: int


class ToolCallStarted(ToolCallChanged):
    """`rule` names what decided that it may start; without it no rule spoke of the call. `grant`: the
    standing grant that allowed it, where a person would have been asked."""

    attempt: int
    step: int
    rule: str | None = None
    grant: UUID | None = None


class ToolCallReason(ToolCallChanged):
    """With a stable code and a sentence; the sentence never quotes arguments. `rule`: what refused it."""

    code: str = ""
    message: str = ""
    rule: str | None = None


class ToolCallSettled(ToolCallChanged):
    """How an unknown outcome was settled: `verdict`, and by whom (None: the tool's reconcile)."""

    verdict: str
    by: str | None = None


class ApprovalRequested(ToolCallChanged):
    """`rule` names what asked, `why` says why in words that quote no arguments; the whole reason stands in the row."""

    request: UUID
    rule: str
    why: str | None = None
    expires_at: Moment | None = None
    supersedes: UUID | None = None


class ApprovalDecided(ToolCallChanged):
    """`reason` is the system's own, of a withdrawal. What people write stands in the decision alone.

    `on_behalf_of`: whose decision it was, by a delegation.
    """

    request: UUID
    by: str | None = None
    reason: str = ""
    on_behalf_of: str | None = None


class ApprovalEndorsed(ApprovalDecided):
    """`have` of `quorum` have said yes at this stage; stages are counted from 1."""

    stage: int
    stages: int
    have: int
    quorum: int


class ApprovalReassigned(ToolCallChanged):
    """`by` handed it to `to`."""

    request: UUID
    by: str | None = None
    to: str


class ApprovalEscalated(ToolCallChanged):
    """From now on those with this permission, in this group, may decide as well."""

    request: UUID
    permission: str = ""
    group: str = ""


class GrantChanged(Payload):
    """A standing grant that was made from a request of this run."""

    grant: UUID
    tool: str
    scope: str
    by: str | None = None


class InputRequested(Payload):
    request: UUID
    step: int
    expires_at: Moment | None = None


class InputDecided(Payload):
    request: UUID
    by: str | None = None


class MessageProduced(Payload):
    step: int


class BudgetChanged(Payload):
    """The run's own budget per `period` from now on; what is left out has no limit. Money is USD as a string."""

    by: str | None = None
    period: str
    steps: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    money: str | None = None
    ends_at: Moment | None = None


class BudgetReserved(Payload):
    """For one attempt at a turn of the LLM: estimated tokens, and USD as a string."""

    step: int
    attempt: int
    tokens: int
    money: str


class BudgetSettled(BudgetReserved):
    """What the attempt came to. `state`: settled (by the provider's word), released (nothing was spent) or kept (it is
    not known, so all that was reserved counts as spent); `note` says why."""

    state: str
    note: str = ""


class BudgetExceeded(Payload):
    """Whose budget has not enough left, and of what. Amounts are strings, money in USD; `kind` may be `time`."""

    scope: str
    period: str
    kind: str
    limit: str
    spent: str
    reserved: str
    wanted: str


class MemoryUpdated(Payload):
    """What became of memory: `what` is briefing, summary, fact, entity or working (a session's document); `act` what
    was done to it (added, confirmed, updated, forgotten, …), `key` names the entry, `where` whose it is (user or
    session). `by` is a person, None: the run itself, in step `by_step`. With `error` (a code) nothing was changed, or
    nothing was read: the run goes on without, or fails, as the agent's author chose. `what` is embedder where facts
    were compared by their words, because it failed."""

    what: str
    act: str | None = None
    key: str = ""
    where: str = ""
    by_step: int | None = None
    by: str | None = None
    error: str | None = None


class RetrievalCompleted(Payload):
    """What was looked up: `ids` of what was found, with their `scores`, best first; the query may be shortened.
    `collections`: those that were searched, which are only such as the run's user sees. `error` is the code of what
    failed: without a `mode` nothing was searched, and the run goes on without, or fails, as the agent's author chose;
    else it was searched by words alone."""

    query: str
    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    mode: str = ""
    seconds: float = 0.0
    error: str | None = None
