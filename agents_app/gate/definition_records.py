"""Writing down what definitions there are. Done once per process and definition, beside the runs."""

from collections.abc import Iterable

from agents_app.conf import conf
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.models import DefinitionRecord, database_now

FACTS_VERSION = 1
_known: set[tuple[str, str]] = set()


def is_known(definition: AgentDefinition) -> bool:
    """Whether this process has written it down already."""
    return (conf.DATABASE, definition.hash) in _known


def remember(definition: AgentDefinition) -> None:
    """Write it down where it is not yet: runs begin with it."""
    DefinitionRecord.objects.bulk_create(_records([definition]), ignore_conflicts=True)
    _known.add((conf.DATABASE, definition.hash))


def deployed(definitions: Iterable[AgentDefinition]) -> None:
    """Write down that this is the code from now on, also where it was before and had been replaced meanwhile."""
    DefinitionRecord.objects.bulk_create(
        _records(definitions), update_conflicts=True, update_fields=["seen_at"], unique_fields=["hash"]
    )


def _records(definitions: Iterable[AgentDefinition]) -> list[DefinitionRecord]:
    now = database_now()
    return [
        DefinitionRecord(hash=each.hash, agent=each.name, version=each.version, facts=facts_of(each), seen_at=now)
        for each in definitions
    ]


def facts_of(definition: AgentDefinition) -> dict[str, object]:
    """What is kept of a definition, as JSON values."""
    parameters = {name: tool.parameters for name, tool in definition.tools.items()}
    return {"v": FACTS_VERSION, **definition.facts, "parameters": parameters}


def newer_than_here(stored: str, definition: AgentDefinition) -> bool:
    """Whether the code of this hash came into use later than what this process has: then others know it."""
    seen = dict(DefinitionRecord.objects.filter(pk__in=[stored, definition.hash]).values_list("hash", "seen_at"))
    return stored in seen and definition.hash in seen and seen[stored] > seen[definition.hash]
