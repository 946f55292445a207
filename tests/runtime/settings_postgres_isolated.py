"""The settings of the tests on PostgreSQL, with the agent of the isolated tool."""

from tests.settings import INSTALLED_APPS as APPS
from tests.settings_postgres import *  # noqa: F403  the same but for what follows

INSTALLED_APPS = [*APPS, "tests.runtime.isolated_app"]
