"""The signature of a pushed wake-up."""

import hashlib
import hmac

import pytest

from agents_app.core.push_signature import is_signed, sign

BODY = b'{"run_id": "x"}'


def test_it_is_what_the_documentation_says() -> None:
    expected = hmac.new(b"key", b"agents_app.push.v1:17:" + BODY, hashlib.sha256).hexdigest()
    assert sign("key", 17, BODY) == f"v1={expected}"


@pytest.mark.parametrize(
    ("keys", "timestamp", "body", "right"),
    [
        (["key"], 17, BODY, True),
        (["new", "key"], 17, BODY, True),
        (["new"], 17, BODY, False),
        ([], 17, BODY, False),
        (["key"], 18, BODY, False),
        (["key"], 17, BODY + b" ", False),
    ],
)
def test_one_of_the_keys_this_moment_and_this_body(keys: list[str], timestamp: int, body: bytes, right: bool) -> None:
    assert is_signed(keys, timestamp, body, sign("key", 17, BODY)) is right


@pytest.mark.parametrize("signature", ["", "v1=", "v2=" + "0" * 64, "v1=ü", "nonsense"])
def test_nonsense(signature: str) -> None:
    assert not is_signed(["key"], 17, BODY, signature)
