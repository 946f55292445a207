"""Files of archives: compressed JSON lines and a manifest, in any Django storage."""

import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRun, archive_lines, runs_of_archive
from agents_app.exceptions import BrokenArchive
from agents_app.models import Archive

ALIAS = "agents_archive"
"""Of the storage, in STORAGES."""

IN_MEMORY = 8 * 2**20
"""Larger files lie on this host's disk while they are made or read."""

CHUNK = 2**18


def storage() -> Storage:
    """STORAGES["agents_archive"]; without one a folder that nobody else may read."""
    if ALIAS in settings.STORAGES:
        return storages[ALIAS]
    return FileSystemStorage(location=folder(), file_permissions_mode=0o600, directory_permissions_mode=0o700)


def folder() -> Path:
    """Where archives lie unless STORAGES says otherwise."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd(), conf.ARCHIVE_FOLDER)


def write(archive: Archive, runs: Sequence[StoredRun]) -> None:
    """Store these runs under the archive's name, read them back, and note checksum and size in the archive (which
    is not saved). Raises BrokenArchive if what comes back is not what was written."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        with gzip.GzipFile(fileobj=cast("IO[bytes]", file), mode="wb", mtime=0) as packed:
            packed.writelines(archive_lines(archive.pk, archive.created_at.isoformat(), runs))
        archive.size, archive.runs = file.tell(), len(runs)
        archive.sha256 = _sum_of(file)
        _store(archive.name, file)
    back = list(read(archive))
    if back != list(runs):
        raise BrokenArchive(f"What was read back of {archive.name} is not what was written.")
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as manifest:
        manifest.write(json.dumps(_manifest(archive, runs), indent=1).encode())
        _store(manifest_of(archive), manifest)


def read(archive: Archive) -> Iterator[StoredRun]:
    """The runs of an archive, once its checksum has been found right. Raises BrokenArchive."""
    with _fetched(archive) as file:
        yield from runs_of_archive(_unpacked(file, archive), archive.pk)


def remove(archive: Archive) -> None:
    """Delete its file and manifest, if they are there."""
    for name in (manifest_of(archive), archive.name):
        storage().delete(name)


def manifest_of(archive: Archive) -> str:
    """The name of its manifest: what is in the file, for people, and should this database be lost."""
    return f"{archive.name}.manifest.json"


def _store(name: str, file: Any) -> None:
    file.seek(0)
    stored = storage()
    try:
        kept = stored.save(name, File(file, name=name))
    except Exception as error:  # each storage has errors of its own
        raise BrokenArchive(f"{name} cannot be stored: {type(error).__name__}: {error}") from error
    if kept != name:
        stored.delete(kept)
        raise BrokenArchive(f"There is a file {name} in the storage already.")
    _flush(stored, name)


def _flush(stored: Storage, name: str) -> None:
    """Django leaves a file in the cache of the system: the rows must not be gone for good before it is on the disk."""
    with suppress(NotImplementedError):
        path = Path(stored.path(name))
        for each in (path, path.parent):
            handle = os.open(each, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


@contextmanager
def _fetched(archive: Archive) -> Iterator[Any]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as local:
        try:
            with storage().open(archive.name, "rb") as remote:
                for chunk in remote.chunks(CHUNK):
                    local.write(chunk)
        except FileNotFoundError as error:
            raise BrokenArchive(f"The file {archive.name} is not in the storage.") from error
        except Exception as error:
            raise BrokenArchive(f"{archive.name} cannot be fetched: {type(error).__name__}: {error}") from error
        if _sum_of(local) != archive.sha256:
            raise BrokenArchive(f"The checksum of {archive.name} is wrong: the file was changed or damaged.")
        local.seek(0)
        yield local


def _unpacked(file: Any, archive: Archive) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as lines:
            yield from lines
    except (OSError, EOFError) as error:
        raise BrokenArchive(f"The file {archive.name} cannot be unpacked.") from error


def _sum_of(file: Any) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _manifest(archive: Archive, runs: Sequence[StoredRun]) -> dict[str, Any]:
    entries = [{"id": str(run.id), "version": run.version, "rows": len(run.rows)} for run in runs]
    facts = {"archive": str(archive.pk), "format": archive.format, "file": archive.name}
    return {**facts, "sha256": archive.sha256, "size": archive.size, "runs": entries}
