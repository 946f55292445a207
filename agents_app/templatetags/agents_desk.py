"""The desk's numbers, for the templates of the admin's first pages."""

from typing import Any

from django import template
from django.contrib import admin
from django.utils.safestring import SafeString

from agents_app.admin.displays import time_tag
from agents_app.admin.links import Links
from agents_app.admin.overview import numbers_for
from agents_app.admin.revealed import revealed
from agents_app.services.switches import switches_about

register = template.Library()


@register.filter(name="revealed")
def reveal(value: Any) -> SafeString:
    """What an LLM, a tool or a person wrote, with what is odd in it made visible. What is HTML already stays."""
    return value if isinstance(value, SafeString) else revealed(str(value))


@register.simple_tag(takes_context=True)
def agents_numbers(context: dict[str, Any]) -> list[dict[str, str]]:
    """What waits, runs and failed, for who watches the inbox; nothing for anybody else."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_active:
        return []
    site = admin.AdminSite(name=getattr(request, "current_app", "") or "admin")
    return numbers_for(user, Links(site))


@register.inclusion_tag("agents_app/parts/switched_off.html", takes_context=True)
def switched_off(context: Any, agent: str | None = None, tool: str | None = None) -> dict[str, Any]:
    """The kill switches that hold for a tool, an agent, or at all; nothing for who may not know of them."""
    rows = switches_about(context["request"].user, agent, tool)
    return {
        "switches": [
            {"what": str(row), "reason": revealed(row.reason), "by": row.off_by, "since": time_tag(row.off_at)}
            for row in rows
        ]
    }
