"""The shop in the admin."""

import pytest
from django.urls import reverse

from agents_app.services import start_run
from project.demo.agents import SupportAgent
from project.demo.models import Order

pytestmark = pytest.mark.django_db


def test_an_order_shows_its_money_and_its_runs(person, client):
    order = Order.objects.get(number="A-1001")
    order.refunds.create(amount=5, key="a-key")
    run = start_run(SupportAgent, "Where is it?", user=person("customer"), subject=order)
    client.force_login(person("approver"))
    text = client.get(reverse("admin:shop_order_change", args=[order.pk])).content.decode()
    assert "Kettle “Vesuv”" in text
    assert "a-key" in text
    assert str(run.id) in text


def test_customers_stay_outside(person, client):
    client.force_login(person("customer"))
    assert client.get(reverse("admin:shop_order_changelist")).status_code == 302
