"""Whether people can be told, found at start-up. Nothing is said where NOTIFY is empty."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from agents_app.conf import conf
from agents_app.definitions.registry import registry
from agents_app.notify.channels import channels, problem_of
from agents_app.notify.links import decide_path

SEE = "See “Tell people what waits” in the documentation."
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@register
def check_notify(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The channels, and what links in their messages need."""
    given: Any = conf.NOTIFY
    if not isinstance(given, dict):
        hint = 'For example: "NOTIFY": {"email": {}}.'
        return [Error('AGENTS_APP["NOTIFY"] is not a dictionary.', hint=hint, id="agents_app.E150")]
    if not conf.NOTIFY:
        return []
    return [*_channels(), *_site(), *_links()]


def _channels() -> Iterator[CheckMessage]:
    for name in conf.NOTIFY:
        if problem := problem_of(name):
            hint = 'Name "email", "browser" or "webhook" as "channel", or the dotted path of a class of yours.'
            yield Error(f'AGENTS_APP["NOTIFY"][{name!r}]: {problem}', hint=hint, id="agents_app.E150")
    for name, channel in channels().items():
        for problem in channel.problems():
            yield CheckWarning(f'AGENTS_APP["NOTIFY"][{name!r}]: {problem}.', hint=SEE, id="agents_app.W150")


def _site() -> Iterator[CheckMessage]:
    parts = urlsplit(conf.SITE_URL)
    if not conf.SITE_URL and not conf.REQUEST_URL:
        message = 'People are told of what waits, but not where: AGENTS_APP["SITE_URL"] is empty.'
        hint = 'Set it to where this site is reached: "https://shop.example.com".'
        yield CheckWarning(message, hint=hint, id="agents_app.W151")
    elif conf.SITE_URL and not (parts.scheme in ("http", "https") and parts.hostname):
        message = f'AGENTS_APP["SITE_URL"] is {conf.SITE_URL!r}, which is no address of http or https.'
        yield Error(message, hint='For example: "https://shop.example.com".', id="agents_app.E151")


def _links() -> Iterator[CheckMessage]:
    tools = [
        f"{definition.name}.{tool.name}"
        for definition in registry.all()
        for tool in definition.tools.values()
        if tool.decide_by_link
    ]
    if not tools:
        return
    named = ", ".join(tools)
    if not decide_path("x"):
        message = f"Links that decide are allowed for {named}, but there is no page for them: mails come without."
        hint = 'Add path("decide/", include("agents_app.links.urls")) to your addresses.'
        yield CheckWarning(message, hint=hint, id="agents_app.W152")
    parts = urlsplit(conf.SITE_URL)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = f"Links that decide ({named}) go to {conf.SITE_URL!r}: whoever listens there can decide."
        yield CheckWarning(message, hint="Use https in SITE_URL.", id="agents_app.W153")
