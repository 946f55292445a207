"""The app's rows in a database of their own, users and everything else in another."""

from tests.configurations.settings_plain import *  # noqa: F403
from tests.configurations.settings_plain import AGENTS_APP as PLAIN
from tests.configurations.settings_plain import PLACE, sqlite

DATABASES = {"default": sqlite(PLACE / "default.sqlite3"), "agents": sqlite(PLACE / "agents.sqlite3")}
DATABASE_ROUTERS = ["agents_app.router.AgentsRouter"]
AGENTS_APP = {**PLAIN, "DATABASE": "agents"}
