"""The application that a browser test serves: the admin, websockets, and the till as the only agent."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"

from agents_app.definitions.registry import registry
from project.asgi import application
from tests.admin.till import Till

# Other apps of the settings have agents, too. For as long as this module lives there is one.
only_the_till = registry.override(Till)
only_the_till.__enter__()

__all__ = ["application"]
