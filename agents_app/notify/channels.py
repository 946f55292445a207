"""A way to tell people: a small class, named in AGENTS_APP["NOTIFY"] by its dotted path."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from agents_app.conf import conf
from agents_app.models import Mode
from agents_app.notify.messages import Message

BUILT_IN = {
    "browser": "agents_app.notify.browser.BrowserChannel",
    "email": "agents_app.notify.email.EmailChannel",
    "webhook": "agents_app.notify.webhook.WebhookChannel",
}
NAME_LENGTH = 100


class ChannelDown(Exception):
    """The way itself is blocked, for all messages. retry_after: seconds, if the other side said so."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(text)


class Channel:
    """Subclass it and write `send`. It is made once, with the options of its entry in NOTIFY as keywords."""

    personal: ClassVar[bool] = True
    """Whether each approver gets a message of their own, when they want it; else each event leads to one message."""
    default: ClassVar[Mode] = Mode.AT_ONCE
    """When people are told who have not said when."""
    modes: ClassVar[tuple[Mode, ...]] = tuple(Mode)
    """What they may choose from."""
    sends: ClassVar[bool] = True
    """Whether there is anything to send; else it is told by somebody else who asks."""
    secret: ClassVar[bool] = True
    """Whether what is sent is for its reader's eyes only, so that a link which decides may stand in it."""

    def send(self, message: Message) -> None:
        """Send it. It is sent when this returns; it may come twice, with the same `message.key`.

        An OSError (which network errors are) or ChannelDown means that nothing can be sent this way now. Any other
        exception is about this message alone. Either is tried again. Do not wait for longer than NOTIFY_SECONDS.
        """
        raise NotImplementedError

    def problems(self) -> Iterable[str]:
        """What is wrong with the options, for `manage.py check`."""
        return ()


def channels() -> Mapping[str, Channel]:
    """The channels of NOTIFY that can be made, by name."""
    given = conf.NOTIFY
    return {name: _made(name) for name in given if problem_of(name) is None} if given else {}


def channel(name: str) -> Channel | None:
    """The channel of this name; None if the settings have no such."""
    return channels().get(name)


def problem_of(name: str) -> str | None:
    """Why there can be no channel by this entry; None if there can."""
    try:
        _made(name)
    except ImproperlyConfigured as error:
        return str(error)
    return None


@lru_cache
def _made(name: str) -> Channel:
    options = conf.NOTIFY[name]
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH or not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"A name of at most {NAME_LENGTH} characters leads to a dictionary of options.")
    given = dict(options)
    path = given.pop("channel", name)
    try:
        made: Any = import_string(BUILT_IN.get(path, path))(**given)
    except (ImportError, TypeError, ValueError) as error:
        # Not the options themselves: there are keys among them.
        raise ImproperlyConfigured(f"No channel can be made of {path!r}: {error}.") from None
    if not isinstance(made, Channel):
        raise ImproperlyConfigured(f"{path!r} is no Channel.")
    return made


def _forget(setting: str, **kwargs: object) -> None:
    if setting == "AGENTS_APP":
        _made.cache_clear()


setting_changed.connect(_forget)
