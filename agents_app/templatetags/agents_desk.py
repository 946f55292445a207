"""The desk's numbers, for the templates of the admin's first pages."""

from typing import Any

from django import template
from django.contrib import admin

from agents_app.admin.links import Links
from agents_app.admin.overview import numbers_for

register = template.Library()


@register.simple_tag(takes_context=True)
def agents_numbers(context: dict[str, Any]) -> list[dict[str, str]]:
    """What waits, runs and failed, for who watches the inbox; nothing for anybody else."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_active:
        return []
    site = admin.AdminSite(name=getattr(request, "current_app", "") or "admin")
    return numbers_for(user, Links(site))
