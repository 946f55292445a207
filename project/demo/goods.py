"""The shop's orders, and the three runs that stand there when the demo opens."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.contrib.auth.models import User

from agents_app.services import Run, start_run
from project.demo.agents import Reply, SupportAgent
from project.demo.models import Customer, Order

CUSTOMERS = (
    ("Carla Customer", "customer@example.org", "customer"),
    ("Ben Baker", "ben@example.com", None),
    ("Dora Diaz", "dora@example.com", None),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """An order of the demo; lines are (product, quantity, unit price)."""

    number: str
    email: str
    status: Order.Status
    placed_on: date
    lines: tuple[tuple[str, int, str], ...]

    @property
    def total(self) -> Decimal:
        """EUR."""
        return sum((quantity * Decimal(price) for _, quantity, price in self.lines), Decimal(0))


_CARLA, _BEN, _DORA = (email for _, email, _ in CUSTOMERS)
_S = Order.Status

ORDERS = (
    Sample(
        number="A-1001",
        email=_CARLA,
        status=_S.DELIVERED,
        placed_on=date(2026, 11, 2),
        lines=(("Kettle “Vesuv”", 1, "120.00"),),
    ),
    Sample(
        number="A-1002",
        email=_CARLA,
        status=_S.SHIPPED,
        placed_on=date(2026, 11, 16),
        lines=(("Teapot", 1, "38.50"), ("Cup", 4, "6.00")),
    ),
    Sample(
        number="A-1003",
        email=_CARLA,
        status=_S.DELIVERED,
        placed_on=date(2026, 10, 21),
        lines=(("Tea strainer", 2, "9.95"), ("Tea towel", 1, "10.00")),
    ),
    Sample(
        number="A-1004",
        email=_CARLA,
        status=_S.PROCESSING,
        placed_on=date(2026, 11, 19),
        lines=(("Milk jug", 1, "45.00"),),
    ),
    Sample(
        number="B-2001",
        email=_BEN,
        status=_S.DELIVERED,
        placed_on=date(2026, 11, 5),
        lines=(("Coffee grinder", 1, "249.00"),),
    ),
    Sample(
        number="D-3001", email=_DORA, status=_S.SHIPPED, placed_on=date(2026, 11, 17), lines=(("Toaster", 1, "64.90"),)
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """A run of the demo, and what becomes of it."""

    key: str
    input: str
    about: str | None
    outcome: str


STORIES = (
    Story(key="demo-answer", input="Where is my order A-1002?", about="A-1002", outcome="answers"),
    Story(
        key="demo-refund",
        input="My kettle of order A-1001 broke. Please refund it.",
        about="A-1001",
        outcome="wants to refund 120 EUR and waits for approval",
    ),
    Story(
        key="demo-question",
        input="My tea strainer broke, I want my money back.",
        about=None,
        outcome="asks which order it is about",
    ),
)


def fill_shop() -> None:
    """Customers and orders that are not there yet."""
    for name, email, username in CUSTOMERS:
        user = User.objects.filter(username=username).first() if username else None
        Customer.objects.get_or_create(email=email, defaults={"name": name, "user": user})
    for sample in ORDERS:
        order, created = Order.objects.get_or_create(
            number=sample.number,
            defaults={
                "customer": Customer.objects.get(email=sample.email),
                "status": sample.status,
                "placed_on": sample.placed_on,
                "total": sample.total,
            },
        )
        if created:
            for product, quantity, price in sample.lines:
                order.lines.create(product=product, quantity=quantity, unit_price=Decimal(price))


def start_stories() -> list[Run[Reply]]:
    """The three runs; they are started once, whatever became of them."""
    customer = User.objects.get(username="customer")
    return [
        start_run(
            SupportAgent,
            story.input,
            user=customer,
            subject=Order.objects.filter(number=story.about).first() if story.about else None,
            idempotency_key=story.key,
        )
        for story in STORIES
    ]
