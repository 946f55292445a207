import asyncio

import pytest
from django.http import HttpRequest, HttpResponse

from project.middleware import POLICY, content_security_policy

pytestmark = pytest.mark.once


def test_pages_allow_our_own_origin_only() -> None:
    response = content_security_policy(lambda request: HttpResponse())(HttpRequest())
    assert response.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'self'" in POLICY


def test_asynchronous_views_get_it_too() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    response = asyncio.run(content_security_policy(view)(HttpRequest()))
    assert response.headers["Content-Security-Policy"] == POLICY


def test_a_views_own_policy_stays() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "sandbox"})
    response = content_security_policy(lambda request: own)(HttpRequest())
    assert response.headers["Content-Security-Policy"] == "sandbox"
