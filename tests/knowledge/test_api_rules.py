"""Every operation of knowledge over REST: what each person is answered, and that it is as it is described, whatever is
sent (schemathesis)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client, override_settings
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from agents_app.api.throttling import RATES
from agents_app.knowledge import indexing, ingest
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Document
from tests.api.test_schemathesis import CHECKS, ask, headers
from tests.office import persons

pytestmark = pytest.mark.django_db

ROLES = {
    "customer": [],
    "stranger": [],
    "keeper": [f"agents_knowledge.{verb}_document" for verb in ("add", "change", "delete")],
}
PEOPLE = ("", *ROLES, "admin")
DOCUMENTS = "collections/shelf/documents/"
SEARCH = {"query": "Lamps?", "collections": ["shelf"]}
OWN = (401, 403, 404)

# method, path, body, and the statuses in the order of PEOPLE: nobody, who sees the shelf, who does not, its keeper.
MATRIX: dict[str, tuple[str, str, dict[str, Any] | None, tuple[int, ...]]] = {
    "knowledge_collections": ("get", "collections/", None, (401, 200, 200, 200, 200)),
    "knowledge_documents": ("get", DOCUMENTS, None, (401, 200, 404, 200, 200)),
    "knowledge_documents_add": ("post", DOCUMENTS, {"key": "new", "text": "Words."}, (*OWN, 202, 202)),
    "knowledge_documents_read": ("get", "documents/{document}/", None, (401, 200, 404, 200, 200)),
    "knowledge_documents_read_again": ("post", "documents/{document}/read-again/", {}, (*OWN, 202, 202)),
    "knowledge_documents_remove": ("post", "documents/{document}/remove/", {}, (*OWN, 200, 200)),
    "knowledge_search": ("post", "search/", SEARCH, (401, 200, 404, 200, 200)),
}


@pytest.fixture(autouse=True)
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """One user per role and a superuser; a shelf with a document, which the group "support" sees."""
    cache.clear()
    monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", dict.fromkeys(RATES), raising=False)
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        found = persons(ROLES, password="secret")
        support = Group.objects.create(name="support")
        make_collection("shelf").viewers.add(support)
        for name in ("customer", "keeper"):
            found[name].groups.add(support)
        yield {**found, "admin": User.objects.create_superuser("admin", password="secret")}


def document() -> Document:
    """A new one, which has been read."""
    row = ingest("shelf", "Lamps are refunded.", key=f"d{Document.objects.count()}").document
    indexing.read_document(row.pk)
    return row


@pytest.mark.parametrize("operation", MATRIX)
def test_each_person_is_answered_by_the_rules(operation: str, people: dict[str, Any]) -> None:
    method, path, body, statuses = MATRIX[operation]
    found = []
    for person in PEOPLE:
        client = APIClient()
        if person:
            client.force_authenticate(people[person])
        sent = {**body, "key": f"of {person}"} if body and "key" in body else body
        answer = getattr(client, method)(f"/api/knowledge/{path.format(document=document().pk)}", sent, format="json")
        found.append(answer.status_code)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"}
    assert tuple(found) == statuses


@pytest.fixture
def operations() -> Iterator[dict[str, Any]]:
    """Every operation by its id, answered by this project's WSGI application within the test's transaction."""
    signals = (request_started, request_finished)
    answer = Client().get("/api/knowledge/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    schema = schemathesis.openapi.from_dict(json.loads(answer.content))
    schema.app = get_wsgi_application()
    found = [result.ok() for result in schema.get_all_operations()]
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield {operation.definition.raw["operationId"]: operation for operation in found}
    for signal in signals:
        signal.connect(close_old_connections)


def path_of(operation: Any) -> dict[str, str]:
    known = {"name": "shelf", "document_id": str(document().pk)}
    return {parameter.name: known[parameter.name] for parameter in operation.path_parameters}


def test_the_matrix_knows_every_operation(operations: dict[str, Any]) -> None:
    assert set(operations) == set(MATRIX)


@pytest.mark.parametrize("name", MATRIX)
def test_answers_are_as_described(name: str, operations: dict[str, Any]) -> None:
    _, _, body, statuses = MATRIX[name]
    for person in ("customer", "keeper", "admin"):
        given = {} if body is None else {"body": body, "media_type": "application/json"}
        case = operations[name].Case(path_parameters=path_of(operations[name]), **given)
        response = case.call_and_validate(headers=headers(person), checks=CHECKS)
        assert response.status_code == statuses[PEOPLE.index(person)]


@pytest.mark.parametrize("name", MATRIX)
def test_whatever_is_sent_the_answer_is_as_described(name: str, operations: dict[str, Any]) -> None:
    for person in ("customer", "admin"):
        ask(name, operations[name], person, path_of(operations[name]), examples=8)


@pytest.mark.long
@pytest.mark.postgresql_only  # the stricter of the two about what can be stored
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MATRIX)
def test_whatever_is_sent_at_length(name: str, operations: dict[str, Any]) -> None:
    ask(name, operations[name], "admin", path_of(operations[name]), examples=60)
