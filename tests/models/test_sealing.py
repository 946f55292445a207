"""Encryption of sensitive arguments at rest."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from agents_app.models.sealing import seal, unseal


def keys(*keys: str) -> override_settings:
    return override_settings(AGENTS_APP={"ENCRYPTION_KEYS": list(keys)})


def test_what_is_sealed_is_opened_and_says_nothing() -> None:
    with keys("one"):
        sealed = seal("the secret ü")
        assert "secret" not in sealed
        assert sealed != seal("the secret ü")
        assert unseal(sealed) == "the secret ü"


def test_keys_are_rotated_by_a_new_one_in_front() -> None:
    with keys("old"):
        sealed = seal("x")
    with keys("new", "old"):
        assert unseal(sealed) == "x"
        newer = seal("y")
    with keys("new"):
        assert unseal(newer) == "y"
        with pytest.raises(ImproperlyConfigured, match="No key"):
            unseal(sealed)


def test_without_a_key_nothing_is_sealed() -> None:
    with keys(), pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        seal("x")


def test_sealed_text_that_was_tampered_with_is_not_opened() -> None:
    with keys("one"):
        sealed = seal("x")
        with pytest.raises(ImproperlyConfigured):
            unseal(sealed[:-4] + "AAAA")
