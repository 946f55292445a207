"""What an author says about a parameter besides its type, as `Annotated[Decimal, Money("EUR")]`."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in this currency (ISO 4217 code)."""

    currency: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The key of a Django model's row: `Ref("shop.Order", "number")`. The doors show it as a link to that row."""

    model: str
    field: str = "pk"


@dataclass(frozen=True, slots=True)
class Sensitive:
    """Stored encrypted and shown as `***`, but to people with `view_sensitive`. `Annotated[str, Sensitive]` will do."""


Marker: TypeAlias = Money | Ref | Sensitive
