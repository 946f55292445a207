"""Every error of the app. One base; `code` is stable and part of the API, the docstring is the default message.

Doors map the class to their own answer: those that speak HTTP by `http_status`, the command line by its exit codes.
"""

from datetime import datetime
from typing import Any, ClassVar


class AgentsError(Exception):
    """Something went wrong in agents_app."""

    code = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, *, code: str | None = None, **details: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.code = code or type(self).code
        self.details = details
        super().__init__(self.message)


# What a caller sent cannot be used.


class InvalidInput(AgentsError):
    """What was sent cannot be used."""

    code = "invalid_input"
    http_status = 400


class UnknownAgent(InvalidInput):
    """No agent of this name is registered."""

    code = "unknown_agent"


class BrokenAgent(UnknownAgent):
    """The agent's declaration has errors; `manage.py check` lists them."""

    code = "broken_agent"


class InvalidArguments(InvalidInput):
    """The arguments do not fit the tool's parameters. `errors`: [{"path": [...], "message": "..."}]."""

    code = "invalid_arguments"

    def __init__(self, message: str | None = None, *, errors: list[dict[str, Any]] | None = None) -> None:
        self.errors = errors or []
        super().__init__(message, errors=self.errors)


class IdempotencyConflict(InvalidInput):
    """This idempotency key was used before with other content."""

    code = "idempotency_conflict"


class CalledFromEventLoop(AgentsError):
    """This is synchronous database code; from async code call it through asgiref's sync_to_async."""

    code = "called_from_event_loop"


class InsideTransaction(AgentsError):
    """This cannot run inside transaction.atomic(): a run must be committed before it is driven."""

    code = "inside_transaction"


# Who may, what exists.


class NotPermitted(AgentsError):
    """You may not do this."""

    code = "not_permitted"
    http_status = 403


class NotFound(AgentsError):
    """There is no such thing, or you may not see it."""

    code = "not_found"
    http_status = 404


class InvalidLink(NotFound):
    """This link is not valid: it is not ours, or it was changed on its way."""

    code = "invalid_link"


class Archived(NotFound):
    """This run was archived: it is out of the database, and `manage.py agents_restore` brings it back to read."""

    code = "archived"
    http_status = 410


class BrokenArchive(AgentsError):
    """The archive is damaged, gone, or of a newer release, or its storage cannot be used."""

    code = "broken_archive"


# The state does not allow it.


class WrongState(AgentsError):
    """The state of things does not allow this now."""

    code = "wrong_state"
    http_status = 409


class StaleContext(WrongState):
    """Somebody else was faster; read again."""

    code = "stale"


class Overtaken(StaleContext):
    """What a worker knew of its run is not so any more; under the run's lock it finds out what is."""


class MemoryChanged(WrongState):
    """This was changed meanwhile by somebody else; nothing was written."""

    code = "memory_changed"


class AlreadyDecided(WrongState):
    """Somebody else has decided this already."""

    code = "already_decided"

    def __init__(self, message: str, *, by: str = "", verdict: str = "", at: datetime | None = None) -> None:
        super().__init__(message, by=by, verdict=verdict, at=at.isoformat() if at else None)


class StaleDigest(WrongState):
    """The arguments have changed since they were shown; read them again and decide anew."""

    code = "stale_digest"


class LinkUsed(WrongState):
    """This link was used before; it decides once."""

    code = "link_used"


class Expired(WrongState):
    """The time to decide is over."""

    code = "expired"
    http_status = 410


class CodeChanged(WrongState):
    """The agent's code has changed since; look at the difference and accept it, or cancel the run.

    `details["accept_changes"]` is what to accept: the hash of the code there is now.
    """

    code = "code_changed"


class IllegalMove(WrongState):
    """The table of moves does not know this move."""

    code = "illegal_move"


# The LLM.


class LLMError(AgentsError):
    """The LLM gave no usable reply. `transient`: trying again may help; `retry_after`: seconds, if it said so."""

    code = "llm_error"
    http_status = 502

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        self.transient = transient
        self.retry_after = retry_after
        super().__init__(message, code=code)


class EmbeddingError(LLMError):
    """There is no embedder: AGENTS_APP["EMBEDDER"] is empty."""

    code = "embedding_error"


class UnknownLLM(AgentsError):
    """This name of an LLM is neither an alias in AGENTS_APP["LLMS"] nor a known provider's."""

    code = "unknown_llm"


class ToolContextClosed(AgentsError):
    """The tool's time is over; its context can no longer be used."""

    code = "tool_context_closed"


# What a tool may say besides returning. All four are its author's word that nothing happened.


class ToolSays(Exception):
    """Base of the four exceptions by which a tool speaks; each is its author's word that nothing happened."""


class ToolRetry(ToolSays):
    """The LLM should correct its arguments and propose the call again; the text says how."""


class ToolFailed(ToolSays):
    """The call failed and nothing happened; the text is told to the LLM."""


class ApprovalRequired(ToolSays):
    """A person must approve this very call first; the text says why."""


class Postpone(ToolSays):
    """Try this call again at `until` (an aware datetime)."""

    def __init__(self, until: datetime, reason: str = "") -> None:
        self.until = until
        super().__init__(reason or f"postponed until {until.isoformat()}")
