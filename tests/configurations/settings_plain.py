"""What the configurations have in common: databases in the directory AGENTS_CONFIGURATION, the immediate executor."""

import os
from pathlib import Path

from project.databases import sqlite
from tests.settings import *  # noqa: F403  the same but for what follows
from tests.settings import AGENTS_APP as OURS

PLACE = Path(os.environ["AGENTS_CONFIGURATION"])
DATABASES = {"default": sqlite(PLACE / "default.sqlite3")}
ROOT_URLCONF = "tests.configurations.urls"
AGENTS_APP = {**OURS, "EXECUTOR": "immediate", "APPROVAL_EXPIRES_SECONDS": 3600}
