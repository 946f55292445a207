"""How often one client may ask."""

from typing import Any

from rest_framework.settings import api_settings
from rest_framework.throttling import ScopedRateThrottle

RATES = {"agents_read": "1200/min", "agents_command": "120/min", "agents_start": "60/min"}
"""The defaults. REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] of the project overrides each by its name; None lifts it."""


class ApiThrottle(ScopedRateThrottle):
    """Counts per user (per address before login) and scope, in Django's default cache."""

    def allow_request(self, request: Any, view: Any) -> bool:
        """GET counts as a read, everything else under the view's own scope."""
        self.scope = "agents_read" if request.method in ("GET", "HEAD") else view.throttle_scope
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return super(ScopedRateThrottle, self).allow_request(request, view)

    def get_rate(self) -> str | None:
        """Read late, so that projects and tests can change it."""
        rates: dict[str, Any] = {**RATES, **(api_settings.DEFAULT_THROTTLE_RATES or {})}
        rate: str | None = rates[self.scope or "agents_read"]
        return rate
