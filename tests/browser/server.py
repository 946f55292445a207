"""The application that a browser test serves: the admin, websockets, and the till as the only agent."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"

from agents_app import on
from agents_app.definitions.registry import registry
from project.asgi import application
from tests.admin.till import Till
from tests.ears import Ear

# Other apps of the settings have agents, too. For as long as this module lives there is one.
only_the_till = registry.override(Till)
only_the_till.__enter__()

HANDLER = "shop.letters.write_to_the_customer"
on("run.started", agent="till", name=HANDLER)(Ear())

__all__ = ["HANDLER", "application"]
