"""The agents that do this app's own work, in runs of their own: no list names them, and only staff see their runs."""

SUMMARISER = "agents_app.summariser"
EXTRACTOR = "agents_app.extractor"
INTERNAL_AGENTS = (SUMMARISER, EXTRACTOR)


def is_internal(agent: str) -> bool:
    """Whether runs of the agent of this name are this app's own."""
    return agent in INTERNAL_AGENTS
