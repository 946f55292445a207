"""The admin under django-unfold's theme."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = ["unfold", *APPS]
