"""A project without time zones, far from UTC."""

from tests.configurations.settings_plain import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "Asia/Kolkata"
