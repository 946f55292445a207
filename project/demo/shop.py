"""What can be done in the shop, by whomever: look an order up, pay money back, write to a customer."""

from decimal import Decimal
from typing import Any

from django.core.mail import send_mail
from django.db.models import F, QuerySet
from pydantic import BaseModel

from project.demo.models import Order, Refund

SENDER = "shop@example.org"


class NotPossible(Exception):
    """The shop cannot do this; the text says why."""


class OrderInfo(BaseModel):
    """An order for the agent: amounts are EUR."""

    number: str
    status: str
    placed_on: str
    products: list[str]
    total: Decimal
    refundable: Decimal


class Receipt(BaseModel):
    """What was paid back, in EUR."""

    number: str
    amount: Decimal


def orders_of(user: Any) -> QuerySet[Order]:
    """The orders that this person may ask about: their own; all for the staff and for a run without a user."""
    orders = Order.objects.select_related("customer")
    return orders if user is None or user.is_staff else orders.filter(customer__user=user)


def find_order(user: Any, number: str) -> Order:
    """The order of this number. Raises NotPossible if there is none, or if it is somebody else's."""
    order = orders_of(user).filter(number=number.strip().upper()).first()
    if order is None:
        raise NotPossible(f"There is no order {number} of this customer.")
    return order


def info_of(order: Order) -> OrderInfo:
    """The order as the agent is told."""
    return OrderInfo(
        number=order.number,
        status=order.get_status_display().lower(),
        placed_on=order.placed_on.isoformat(),
        products=[str(line) for line in order.lines.all()],
        total=order.total,
        refundable=order.refundable,
    )


def why_no_refund(user: Any, number: str, amount: Decimal) -> str | None:
    """The reason why this cannot be paid back; None if it can."""
    try:
        order = find_order(user, number)
    except NotPossible as error:
        return str(error)
    if amount > order.refundable:
        return f"Of order {order.number} only {order.refundable} EUR can still be paid back."
    return None


def pay_back(order: Order, amount: Decimal, *, key: str) -> Receipt:
    """Write the refund down and take it off the order, both or neither. Raises NotPossible if it is too much.

    Belongs into a transaction.
    """
    fits = Order.objects.filter(pk=order.pk, refunded__lte=F("total") - amount)
    if not fits.update(refunded=F("refunded") + amount):
        raise NotPossible(f"Less than {amount} EUR of order {order.number} is left to pay back.")
    Refund.objects.create(order=order, amount=amount, key=key)
    return Receipt(number=order.number, amount=amount)


def write_to(email: str, subject: str, text: str) -> None:
    """Send an e-mail (the demo prints it)."""
    send_mail(subject, text, SENDER, [email])
