"""Every request is one transaction."""

from tests.configurations.settings_plain import *  # noqa: F403
from tests.configurations.settings_plain import DATABASES as PLAIN

DATABASES = {"default": {**PLAIN["default"], "ATOMIC_REQUESTS": True}}
