"""What goes wrong at the desk while a page is open there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from agents_app.models import Decision
from agents_app.testing import calls, run_until_idle
from tests import office
from tests.admin.conftest import page_of

Started = Callable[..., Any]


@pytest.fixture(autouse=True)
def _addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.urls"


def test_a_right_that_is_lost_while_the_page_is_open(started: Started) -> None:
    run = started(calls("pay", to="Ann", amount="120"), "Done.")
    request = office.request_of(run)
    dora = office.person("dolly", *office.DECIDES, is_staff=True)
    client = Client()
    client.force_login(dora)
    page = client.get(page_of(request))
    assert b'name="_approve"' in page.content
    dora.user_permissions.clear()
    assert get_user_model().objects.get(pk=dora.pk).get_all_permissions() == set()
    sent = {"digest": request.digest, "reason": "fine", "_approve": "1"}
    assert client.post(page_of(request), sent).status_code in (403, 404)
    run_until_idle()
    assert (office.done, Decision.objects.count(), office.request_of(run).status) == ([], 0, "pending")
