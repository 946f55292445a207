"""For the function: the test's database, and an agent that walks."""

import os

if "AGENTS_TEST_PG_NAME" in os.environ:
    from tests.settings_postgres import *  # noqa: F403  the same but for what follows
    from tests.settings_postgres import AGENTS_APP, INSTALLED_APPS
else:
    from tests.settings import *  # noqa: F403  the same but for what follows
    from tests.settings import AGENTS_APP, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.aws"]
AGENTS_APP = {
    **AGENTS_APP,
    "EXECUTOR": "aws_lambda",
    "LIVE": "poll",
    "LLMS": {"walking": "tests.aws.agents.WalkingLLM"},
    "LEASE_SECONDS": 9.0,
}
