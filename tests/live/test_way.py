"""Which way news travels."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings

from agents_app.live.way import IN_MEMORY, Way, way

REDIS = "channels_redis.pubsub.RedisPubSubChannelLayer"


def chosen(live: str, layer: str | None) -> Way:
    layers: dict[str, Any] = {} if layer is None else {"default": {"BACKEND": layer}}
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE": live}, CHANNEL_LAYERS=layers):
        return way()


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("live", "layer", "expected"),
    [
        ("auto", None, Way.POLL),
        ("auto", IN_MEMORY, Way.POLL),
        ("auto", REDIS, Way.CHANNELS),
        ("poll", REDIS, Way.POLL),
        ("channels", REDIS, Way.CHANNELS),
    ],
)
def test_without_postgresql(live: str, layer: str | None, expected: Way) -> None:
    assert chosen(live, layer) is expected


@pytest.mark.postgresql_only
@pytest.mark.parametrize(("live", "expected"), [("auto", Way.POSTGRES), ("channels", Way.CHANNELS), ("poll", Way.POLL)])
def test_with_postgresql(live: str, expected: Way) -> None:
    assert chosen(live, REDIS) is expected


def test_what_cannot_be() -> None:
    with pytest.raises(ImproperlyConfigured, match="pigeons"):
        chosen("pigeons", None)
    with pytest.raises(ImproperlyConfigured, match="CHANNEL_LAYERS"):
        chosen("channels", None)
    if connection.vendor != "postgresql":
        with pytest.raises(ImproperlyConfigured, match="PostgreSQL"):
            chosen("postgres", None)
