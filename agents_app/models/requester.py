"""Who asked for what a run does."""

from agents_app.models.context import AgentContext


def requester_of(context: AgentContext) -> dict[str, str]:
    """The run's user, else who started the run; as approval requests keep them."""
    details = context.details
    if context.user_id is not None:
        return {"requester_key": str(context.user_id), "requester_name": details.user_name}
    key = "" if details.started_by_id is None else str(details.started_by_id)
    return {"requester_key": key, "requester_name": details.started_by_name}
