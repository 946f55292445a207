"""Settings of the tests on PostgreSQL and, if there is one, Redis.

AGENTS_TEST_PG: postgresql://user:password@host:port/name (or ?host=/directory of a socket); must be allowed to create
databases. AGENTS_TEST_REDIS: an URL for redis-py. `scripts/test` starts both and sets these.
"""

import os

from project.databases import postgresql
from tests.settings import *  # noqa: F403  the same but for what follows

DATABASES = {"default": postgresql(os.environ["AGENTS_TEST_PG"])}
if "AGENTS_TEST_PG_NAME" in os.environ:  # a process that a test started: the test's database, not the one beside it
    DATABASES["default"]["NAME"] = os.environ["AGENTS_TEST_PG_NAME"]

if "AGENTS_TEST_REDIS" in os.environ:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["AGENTS_TEST_REDIS"]]},
        },
    }
