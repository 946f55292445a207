"""Settings of the server that a browser test starts: the test's database, and a queue that the test drives itself."""

import os

if "AGENTS_TEST_PG_NAME" in os.environ:
    from tests.settings_postgres import *  # noqa: F403  (the same but for the database)
else:
    from tests.settings import *  # noqa: F403
from tests.settings import AGENTS_APP as OF_TESTS

ROOT_URLCONF = "tests.admin.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
AGENTS_APP = {**OF_TESTS, "EXECUTOR": "agents_app.testing.executor.WaitingExecutor", "NOTIFY": {"browser": {}}}
