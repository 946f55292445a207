"""The page that is open in a browser tells by itself; people choose here whether it may."""

from typing import ClassVar

from agents_app.models import Mode
from agents_app.notify.channels import Channel


class BrowserChannel(Channel):
    """Nothing is sent: pages of the admin ask what waits, and say so in their title and by the browser's means."""

    modes: ClassVar[tuple[Mode, ...]] = (Mode.AT_ONCE, Mode.OFF)
    sends: ClassVar[bool] = False
