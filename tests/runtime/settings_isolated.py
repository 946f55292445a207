"""The settings of the tests, with the agent of the isolated tool."""

from tests.settings import *  # noqa: F403  the same but for what follows
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "tests.runtime.isolated_app"]
