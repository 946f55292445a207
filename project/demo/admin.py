"""The shop in the admin. The agents' runs about an order stand below it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agents_app.admin import AgentRunsInline
from project.demo.models import Customer, Order, OrderLine, Refund


class OrderLineInline(admin.TabularInline):  # type: ignore[type-arg]
    model = OrderLine
    extra = 0


class RefundInline(admin.TabularInline):  # type: ignore[type-arg]
    """What was paid back: a record, not a form."""

    model = Refund
    fields = ["amount", "key", "paid_at"]
    readonly_fields = ["amount", "key", "paid_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["number", "customer", "status", "placed_on", "total", "refunded"]
    list_filter = ["status"]
    search_fields = ["number", "customer__name", "customer__email"]
    readonly_fields = ["refunded"]
    inlines = [OrderLineInline, RefundInline, AgentRunsInline]


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "email", "user"]
    search_fields = ["name", "email"]
