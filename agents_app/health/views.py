"""Two probes. Neither needs a login; what `ready` looked at is told to staff only, unless HEALTH_DETAILS is on."""

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agents_app.conf import conf
from agents_app.selectors.health import PROBES, looked_at

logger = logging.getLogger("agents_app.health")


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing of the database: a process is not mended by a restart if that is away."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 if runs can be accepted and are worked on, else 503. `?only=database,migrations` asks for some of it."""
    names = [name.strip() for name in request.GET.get("only", "").split(",") if name.strip()]
    unknown = [name for name in names if name not in PROBES]
    if unknown:
        return JsonResponse({"ready": False, "error": f"only: there are {', '.join(PROBES)}."}, status=400)
    probes = looked_at(names)
    bad = [probe for probe in probes if not probe.ok]
    for probe in bad:
        logger.warning("Not ready: %s: %s.", probe.name, probe.text)
    body: dict[str, Any] = {"ready": not bad}
    if conf.HEALTH_DETAILS or _is_staff(request, reachable=not any(probe.name == "database" for probe in bad)):
        body["checks"] = {probe.name: {"ok": probe.ok, "text": probe.text, "value": probe.value} for probe in probes}
    return JsonResponse(body, status=503 if bad else 200)


def _is_staff(request: HttpRequest, *, reachable: bool) -> bool:
    """Without asking for a session where none was sent, or where the database would not answer."""
    if not reachable or not request.COOKIES:
        return False
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_active and user.is_staff)
