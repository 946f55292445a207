"""A user of the project's own: e-mail login, UUID key."""

from tests.configurations.settings_plain import *  # noqa: F403
from tests.configurations.settings_plain import INSTALLED_APPS as APPS

# The demo's shop has migrations that follow Django's own user.
INSTALLED_APPS = [*[app for app in APPS if app != "project.demo"], "tests.configurations.people"]
AUTH_USER_MODEL = "people.Person"
