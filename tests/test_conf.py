"""Settings are read late and every one has a default and a line that says what it means."""

import re
from pathlib import Path

import pytest
from django.test import override_settings

from agents_app import conf as module
from agents_app.conf import Conf, conf

pytestmark = pytest.mark.once


def test_defaults() -> None:
    with override_settings(AGENTS_APP={}):
        assert (conf.DATABASE, conf.EXECUTOR, conf.LEASE_SECONDS) == ("default", "django_q2", 30.0)


def test_what_the_project_says_is_read_late() -> None:
    for seconds in (1, 2):
        with override_settings(AGENTS_APP={"LEASE_SECONDS": seconds}):
            assert seconds == conf.LEASE_SECONDS


def test_a_project_without_the_setting() -> None:
    with override_settings():
        from django.conf import settings

        del settings.AGENTS_APP
        assert conf.LEASE_SECONDS == 30.0


def test_every_setting_is_named_typed_and_explained() -> None:
    source = Path(module.__file__).read_text()
    assert set(conf.names()) == set(Conf.__annotations__)
    for name in conf.names():
        assert re.search(rf"    # .+[.…]\n    {name}: ", source) or re.search(rf"#.*\n    {name}: ", source), name


def test_there_is_no_other() -> None:
    with pytest.raises(AttributeError):
        _ = conf.SURPRISE  # type: ignore[attr-defined]
