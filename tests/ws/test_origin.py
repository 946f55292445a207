"""From which pages a websocket may be opened."""

import pytest
from django.test import override_settings

from agents_app.ws.origin import origin_allowed


def allowed(origin: str | None, host: str | None = "shop.example", **more: str) -> bool:
    given = {"origin": origin, "host": host, **more}
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value is not None]
    return origin_allowed({"headers": headers})


@pytest.fixture(autouse=True)
def _shop() -> object:
    with override_settings(
        ALLOWED_HOSTS=["shop.example", "shop.example:8000"],
        CSRF_TRUSTED_ORIGINS=["https://staff.example", "https://*.partner.example"],
    ):
        yield


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://shop.example", "shop.example"),
        ("http://shop.example:8000", "shop.example:8000"),
        ("https://SHOP.example", "Shop.example"),
        ("https://staff.example", "shop.example"),
        ("https://a.partner.example", "shop.example"),
        (None, "shop.example"),
        (None, None),
    ],
)
def test_own_and_trusted_pages(origin: str | None, host: str | None) -> None:
    assert allowed(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "shop.example"),
        ("https://shop.example.evil.example", "shop.example"),
        ("https://shop.example:8000", "shop.example"),
        ("http://staff.example", "shop.example"),
        ("https://evilpartner.example", "shop.example"),
        ("null", "shop.example"),
        ("http://[", "shop.example"),
        ("https://shop.example", None),
        # A name of the attacker's that resolves to us.
        ("https://evil.example", "evil.example"),
    ],
)
def test_any_other_page(origin: str, host: str | None) -> None:
    assert not allowed(origin, host)


def test_behind_a_proxy_the_forwarded_host_counts_if_the_project_says_so() -> None:
    assert not allowed("https://shop.example", "inner", x_forwarded_host="shop.example")
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert allowed("https://shop.example", "inner", x_forwarded_host="shop.example")


@override_settings(ALLOWED_HOSTS=[], DEBUG=True)
def test_while_developing_local_names_are_allowed() -> None:
    assert allowed("http://127.0.0.1:8000", "127.0.0.1:8000")
    assert not allowed("http://shop.example", "shop.example")
