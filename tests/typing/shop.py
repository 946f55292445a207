"""What the example's agents.py takes from its own project."""

from decimal import Decimal

from pydantic import BaseModel


class OrderInfo(BaseModel):
    number: str
    total: Decimal


class Receipt(BaseModel):
    number: str
    amount: Decimal
    key: str | None


def order_info(number: str) -> OrderInfo:
    return OrderInfo(number=number, total=Decimal(120))


def pay_back(number: str, amount: Decimal, *, key: str | None) -> Receipt:
    return Receipt(number=number, amount=amount, key=key)
