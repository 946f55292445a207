"""Archives in an object storage: S3 as moto plays it on loopback, through django-storages."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from django.core.files.storage import storages
from moto.server import ThreadedMotoServer

from agents_app.exceptions import BrokenArchive
from agents_app.models import Archive
from agents_app.services import archive_runs, archiving, restore_run
from agents_app.testing import AgentsKit
from tests.archives import days_later, eventful, here, stored

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
BUCKET = "old-runs"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    place = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
    client: Any = boto3.client("s3", aws_access_key_id="test", aws_secret_access_key="test", **place)
    client.create_bucket(Bucket=BUCKET)
    client.close()
    yield {**place, "access_key": "test", "secret_key": "test", "bucket_name": BUCKET}
    server.stop()


@pytest.fixture(autouse=True)
def _archives_in_s3(s3: dict[str, Any], settings: Any) -> Iterator[None]:
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**s3, "file_overwrite": False}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    yield
    storage: Any = storages["agents_archive"]
    storage.bucket.objects.all().delete()
    storage.connection.meta.client.close()


def keys() -> list[str]:
    storage: Any = storages["agents_archive"]
    return sorted(found.key for found in storage.bucket.objects.all())


def test_to_s3_and_back(agents: AgentsKit) -> None:
    run = eventful(agents)
    before = stored(run.id)
    assert archive_runs(days=0).runs == 1
    archive = Archive.objects.get()
    assert keys() == [archive.name, f"{archive.name}.manifest.json"]
    assert not here(run)
    restore_run(run.id)
    assert stored(run.id)["toolcall"] == before["toolcall"]
    assert stored(run.id)["agentevent"] == before["agentevent"]


def test_files_of_a_pass_that_was_killed_are_removed(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    run = eventful(agents)
    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_replace_rows", lambda *given: 1 / 0)
        patch.setattr(archiving, "doom", lambda archives: None)
        with pytest.raises(ZeroDivisionError):
            archive_runs(days=0)
    assert len(keys()) == 2
    assert here(run)
    with days_later(1):
        archiving.remove_doomed()
    assert keys() == []


def test_a_file_that_somebody_deleted(agents: AgentsKit) -> None:
    run = eventful(agents)
    archive_runs(days=0)
    storages["agents_archive"].delete(Archive.objects.get().name)
    with pytest.raises(BrokenArchive, match="not in the storage"):
        restore_run(run.id)
