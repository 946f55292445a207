"""Audit anchors and the export of decisions in the admin."""

from typing import Any

import pytest
from django.test import Client

from agents_app.models import AuditAnchor
from agents_app.services.anchoring import make_anchors
from tests import office

LIST = "/admin/agents_app/auditanchor/"
pytestmark = pytest.mark.django_db


def client_with(*permissions: str) -> Client:
    client = Client()
    client.force_login(office.person("staff", *permissions, is_staff=True))
    return client


def test_anchors_are_listed_and_shown() -> None:
    make_anchors()
    auditor, seal = client_with("agents_app.export_audit"), AuditAnchor.objects.get().seal
    assert seal in auditor.get(LIST).content.decode()
    assert seal in auditor.get(f"{LIST}1/change/").content.decode()
    for number in ("2", "x", "9" * 30):
        assert auditor.get(f"{LIST}{number}/change/").status_code == 404


def test_decisions_are_exported() -> None:
    auditor = client_with("agents_app.export_audit")
    response: Any = auditor.get(f"{LIST}export/", {"from": "2026-01-01", "to": "2999-01-01", "format": "csv"})
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert b"".join(response).startswith(b"decision,decided_at,verdict")
    wrong = auditor.get(f"{LIST}export/", {"from": "2026-01-02", "to": "2026-01-01"})
    assert (wrong.status_code, "before it begins" in wrong.content.decode()) == (400, True)


def test_others_may_not() -> None:
    viewer = client_with("agents_app.view_agentcontext")
    assert [viewer.get(path).status_code for path in (LIST, f"{LIST}export/")] == [403, 403]


def test_only_decisions_are_exported_from_here() -> None:
    page = client_with("agents_app.export_audit").get(LIST).content.decode()
    assert "Export decisions" in page
    assert "Export a person" not in page
