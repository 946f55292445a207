"""Finding what is remembered: the newest, those of a key, those that mean the like. A run finds what its user and its
session may see, and nothing else: the query says so, and there is no other way in."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from agents_app.conf import conf
from agents_app.core.memory import normal, overlap, places_of
from agents_app.memory.meaning import nearness
from agents_app.models import Entity, Fact

LEAST = 0.05
"""What is less near to a question than this is not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """For whom it is recalled. `user`: the key of the run's user, empty for none."""

    user: str
    session: UUID | None
    agent: str

    @property
    def places(self) -> tuple[str, ...]:
        """Where they may look."""
        return places_of(self.user, self.session, self.agent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """A fact that was found, and how near it is to what was asked (None where nothing was)."""

    fact: Fact
    score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recollection:
    """What was found. `by`: "recency", "key", "vectors" or "words"; the latter where no embedder could be asked.
    error: the code of an embedder that was asked, and failed."""

    facts: tuple[Recalled, ...] = ()
    entities: tuple[Entity, ...] = ()
    by: str = "recency"
    error: str = ""


def recall(reader: Reader, query: str = "", *, key: str = "", limit: int = 20, entities: bool = True) -> Recollection:
    """What this reader may know that fits, the best first; without a query and a key the newest."""
    if not reader.places or limit < 1:
        return Recollection()
    facts = _facts(reader)
    if key:
        found = [fact for fact in facts if fact.key == key]
        return Recollection(facts=tuple(Recalled(fact=fact) for fact in found[:limit]), by="key")
    known = _entities(reader) if entities else ()
    return _nearest(query, facts, known, limit) if query.strip() else _newest(facts, known, limit)


def recall_with_newest(
    reader: Reader, query: str, *, limit: int, entities: bool = True
) -> tuple[Recollection, Recollection]:
    """What fits the query, and the newest, of what is read once."""
    if not reader.places or limit < 1:
        return Recollection(), Recollection()
    facts, known = _facts(reader), _entities(reader) if entities else ()
    newest = _newest(facts, known, limit)
    return (_nearest(query, facts, known, limit) if query.strip() else newest), newest


def _newest(facts: Sequence[Fact], known: Sequence[Entity], limit: int) -> Recollection:
    return Recollection(facts=tuple(Recalled(fact=fact) for fact in facts[:limit]), entities=tuple(known[:limit]))


def _nearest(query: str, facts: Sequence[Fact], known: Sequence[Entity], limit: int) -> Recollection:
    scores, by, error = nearness(query, facts)
    # The newest of those that are equally near.
    order = sorted(zip(scores, facts, strict=True), key=lambda pair: -pair[0])
    near = [Recalled(fact=fact, score=round(score, 4)) for score, fact in order if score >= LEAST]
    named = [entity for entity in known if _named_in(query, entity)]
    return Recollection(facts=tuple(near[:limit]), entities=tuple(named[:limit]), by=by, error=error)


def _named_in(query: str, entity: Entity) -> bool:
    asked = normal(query)
    names = [normal(name) for name in (entity.name, *entity.aliases)]
    return any(name in asked for name in names) or overlap(query, " ".join([entity.type, *names])) >= LEAST


def _facts(reader: Reader) -> list[Fact]:
    """The newest first, of what each place holds at most."""
    rows = Fact.objects.live().filter(place__in=reader.places, user_key=reader.user)
    return list(rows.order_by("-updated_at", "-pk")[: conf.MEMORY_FACTS * len(reader.places)])


def _entities(reader: Reader) -> list[Entity]:
    rows = Entity.objects.live().filter(place__in=reader.places, user_key=reader.user)
    return list(rows.order_by("-updated_at", "-pk")[: conf.MEMORY_ENTITIES * len(reader.places)])
