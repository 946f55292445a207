"""Ended runs move out of the database: verified first, unchanged, and never one that somebody needs."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.core.status import ToolCallStatus
from agents_app.exceptions import Archived, BrokenArchive, IdempotencyConflict, InvalidInput, NotFound, WrongState
from agents_app.models import (
    AgentBudget,
    AgentContext,
    AgentEvent,
    AgentSession,
    Archive,
    ArchivedRun,
    EventCursor,
    ToolCall,
    database_now,
)
from agents_app.models.archive import ArchiveState
from agents_app.models.belongings import belongings
from agents_app.services import (
    SYSTEM,
    archive_files,
    archive_runs,
    archiving,
    cancel_run,
    pause_run,
    read_run,
    restore_run,
    retry_run,
    settle_outcome,
    start_run,
)
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.archives import ONE_OF_EACH, away, days_later, eventful, here, plain, stored
from tests.ears import ear, no_handlers
from tests.office import Clerk

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process died here."""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Any) -> Path:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    return tmp_path


def in_storage(files: Path) -> list[str]:
    return sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file())


# What goes, and how.


def test_a_run_goes_with_all_its_rows_and_comes_back_as_it_was(agents: AgentsKit, files: Path) -> None:
    run = eventful(agents)
    before = stored(run.id)
    assert {name for name, rows in before.items() if rows} >= ONE_OF_EACH
    assert archive_runs(days=0).runs == 1
    assert not here(run)
    assert not any(stored(run.id).values())
    restore_run(run.id)
    after = stored(run.id)
    assert after["rundetails"][0].pop("restored_at") is not None
    assert before["rundetails"][0].pop("restored_at") is None
    assert after == before


def test_the_budget_of_a_run_goes_with_it_and_comes_back(agents: AgentsKit) -> None:
    (run,) = plain(agents)
    now = database_now()
    AgentBudget.objects.create(scope="run", context_id=run.id, window_at=now, money="1.50", money_spent="0.25")
    user = AgentBudget.objects.create(scope="user", user=office.person("olga"), window_at=now, steps=5)
    before = stored(run.id)
    assert len(before["agentbudget"]) == 1
    archive_runs(days=0)
    assert list(AgentBudget.objects.all()) == [user]
    restore_run(run.id)
    assert stored(run.id)["agentbudget"] == before["agentbudget"]


def test_the_file_says_what_is_in_it(agents: AgentsKit, files: Path) -> None:
    run = eventful(agents)
    archive_runs(days=0)
    archive = Archive.objects.get()
    assert in_storage(files) == [archive.name, f"{archive.name}.manifest.json"]
    manifest = json.loads((files / f"{archive.name}.manifest.json").read_text())
    assert manifest["sha256"] == archive.sha256
    assert [entry["id"] for entry in manifest["runs"]] == [str(run.id)]
    packed = (files / archive.name).read_bytes()
    assert (archive.size, archive.runs, archive.state) == (len(packed), 1, ArchiveState.COMPLETE)
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert lines[0]["archive"] == str(archive.pk)
    assert {line["model"] for line in lines if "model" in line} >= ONE_OF_EACH


def test_what_is_sensitive_stays_sealed(agents: AgentsKit, files: Path) -> None:
    run = eventful(agents)
    archive_runs(days=0)
    archive = Archive.objects.get()
    assert b"hunter2" not in gzip.decompress((files / archive.name).read_bytes())
    assert len(archive.keys) == 1
    restore_run(run.id)
    assert office.call_of(run, "sign_in").sealed


@pytest.mark.parametrize("days", [29.5, 30.5])
def test_only_what_ended_long_enough_ago(agents: AgentsKit, days: float) -> None:
    (run,) = plain(agents)
    with days_later(days):
        assert archive_runs(days=30).runs == int(days > 30)
    assert here(run) == (days < 30)


def test_failed_runs_have_a_time_of_their_own(agents: AgentsKit) -> None:
    (completed,) = plain(agents)
    agents.scripted_llm(Clerk)
    failed = start_run(Clerk, "Fail.")
    agents.run_until_idle()
    agents.assert_failed(failed)
    with days_later(10):
        assert archive_runs(days=5, failed_days=20).runs == 1
        assert (here(completed), here(failed)) == (False, True)
    with days_later(21):
        assert archive_runs(days=5, failed_days=20).runs == 1


@pytest.mark.parametrize(
    ("settings_", "runs"), [({}, 0), ({"ARCHIVE_AFTER_DAYS": 3}, 1), ({"ARCHIVE_AFTER_DAYS": 9}, 0)]
)
def test_without_days_the_settings_say_so(
    agents: AgentsKit, settings: Any, settings_: dict[str, Any], runs: int
) -> None:
    plain(agents)
    settings.AGENTS_APP = {**settings.AGENTS_APP, **settings_}
    with days_later(5):
        assert archive_runs().runs == runs


def test_days_must_be_days() -> None:
    for days in (-1, float("nan")):
        with pytest.raises(InvalidInput):
            archive_runs(days=days)


def test_limit_batches_and_dry_run(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = plain(agents, 5)
    monkeypatch.setattr(archiving, "BATCH", 2)
    assert archive_runs(days=0, dry_run=True).runs == 5
    assert archive_runs(days=0, dry_run=True, limit=4).runs == 4
    assert Archive.objects.count() == 0
    done = archive_runs(days=0, limit=3)
    assert (done.runs, done.archives) == (3, 2)
    assert [here(run) for run in runs] == [False, False, False, True, True]  # the oldest first
    assert archive_runs(days=0, seconds=0).runs == 0
    assert archive_runs(days=0).runs == 2
    assert archive_runs(days=0).runs == 0


def test_many_events_make_a_small_archive(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(agents, 3)
    monkeypatch.setattr(archiving, "BATCH_EVENTS", 1)
    assert archive_runs(days=0).archives == 3


# What stays.


def test_runs_that_are_not_over_stay(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("order", what="tea"), "Done.")
    runs = [start_run(Clerk, "x"), start_run(Clerk, "y")]
    agents.run_until_idle()
    pause_run(runs[1].id, by=SYSTEM)
    with days_later(1000):
        assert archive_runs(days=0).runs == 0
    assert all(here(run) for run in runs)


def test_a_call_of_unknown_outcome_keeps_its_run(agents: AgentsKit) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError

    office.behaviour["ring"] = dies
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    cancel_run(run.id, by=SYSTEM)
    agents.run_until_idle()
    agents.assert_cancelled(run)
    assert office.call_of(run).status == ToolCallStatus.UNKNOWN
    assert archive_runs(days=0).runs == 0
    settle_outcome(
        office.call_of(run).pk, "give_up", by=office.person("sue", "agents_app.settle_toolcall"), reason="lost"
    )
    assert archive_runs(days=0).runs == 1


def test_a_row_of_another_app_keeps_its_run(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here our own events stand for another app's rows: deleting a run would delete or cut them off."""
    (run,) = plain(agents)
    belongings()  # found once, by the true name of our app
    monkeypatch.setattr("agents_app.models.belongings.LABEL", "some_other_app")
    assert archive_runs(days=0).runs == 0
    assert here(run)


# Others at the same time, and death at any line.


def test_a_run_with_events_that_a_handler_has_not_heard_of_stays(agents: AgentsKit, files: Path) -> None:
    with no_handlers():
        found = ear("run.completed")
        run, *_ = plain(agents)
        EventCursor.objects.update(sequence=0)
        with days_later(100):
            assert archive_runs(days=30).runs == 0
            agents.run_until_idle()
            assert archive_runs(days=30).runs == 1
    assert [event.run_id for event in found.heard] == [run.id, run.id]


def test_a_run_that_changes_meanwhile_stays_and_leaves_no_file(
    agents: AgentsKit, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents.scripted_llm(Clerk)
    run = start_run(Clerk, "Fail.")
    agents.run_until_idle()
    write = archiving.write_archive

    def write_slowly(*given: Any) -> None:
        write(*given)
        retry_run(run.id, by=SYSTEM)

    monkeypatch.setattr(archiving, "write_archive", write_slowly)
    done = archive_runs(days=0)
    assert (done.runs, here(run), away(run), in_storage(files)) == (0, True, False, [])
    assert Archive.objects.count() == 0
    agents.scripted_llm(Clerk, "Now.")
    agents.run_until_idle()
    agents.assert_completed(run, "Now.")


def test_two_at_once_archive_each_run_once(agents: AgentsKit, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = plain(agents, 2)
    write = archiving.write_archive

    def another_is_faster(*given: Any) -> None:
        monkeypatch.setattr(archiving, "write_archive", write)
        assert archive_runs(days=0).runs == 2
        write(*given)

    monkeypatch.setattr(archiving, "write_archive", another_is_faster)
    assert archive_runs(days=0).runs == 0
    assert Archive.objects.count() == 1
    assert len(in_storage(files)) == 2
    assert all(away(run) and not here(run) for run in runs)


def test_an_archive_that_was_given_up_meanwhile_takes_no_rows(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = plain(agents)
    write = archiving.write_archive

    def so_slow_that_it_was_cleaned_away(archive: Archive, *given: Any) -> None:
        write(archive, *given)
        archiving.doom([archive])

    monkeypatch.setattr(archiving, "write_archive", so_slow_that_it_was_cleaned_away)
    assert archive_runs(days=0).runs == 0
    assert here(run)


def dies(*_: Any, **__: Any) -> Any:
    raise Killed


STAGES: dict[str, tuple[Any, str]] = {
    "before the rows are read": (archiving, "rows_of"),
    "before the archive has a row": (archiving, "new_archive"),
    "before the file": (archive_files, "write"),
    "before it is read back": (archive_files, "read"),
    "before the manifest": (archive_files, "_manifest"),
    "before the transaction": (archiving, "_replace_rows"),
    "in the transaction": (archiving, "delete_runs"),
    "at the end of the transaction": (archiving, "_entry"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_line_nothing_is_lost_and_nothing_is_left(
    agents: AgentsKit, files: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = eventful(agents)
    before = stored(run.id)
    with monkeypatch.context() as patch:
        patch.setattr(*STAGES[stage], dies)
        patch.setattr(archiving, "doom", lambda archives: None)  # the dead do not clean up
        with pytest.raises(Killed):
            archive_runs(days=0)
    assert stored(run.id) == before
    assert not away(run)
    with days_later(1):
        assert archive_runs(days=0).runs == 1
    assert len(in_storage(files)) == 2
    assert [archive.state for archive in Archive.objects.all()] == [ArchiveState.COMPLETE]
    restore_run(run.id)
    assert len(stored(run.id)["agentevent"]) == len(before["agentevent"])


def test_killed_while_it_cleans_up(agents: AgentsKit, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(agents)
    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_replace_rows", dies)
        with pytest.raises(Killed):
            archive_runs(days=0)
    with monkeypatch.context() as patch:
        patch.setattr(Archive, "delete", dies)
        with pytest.raises(Killed):
            archiving.remove_doomed()
    assert in_storage(files) == []
    assert archiving.remove_doomed() == 1
    assert Archive.objects.count() == 0


def test_an_archive_that_is_being_written_is_left_alone(agents: AgentsKit, files: Path) -> None:
    archiving.new_archive()
    assert archiving.remove_doomed() == 0
    assert Archive.objects.count() == 1


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "not gzip"])
def test_a_file_that_cannot_be_read_back_takes_no_rows(
    agents: AgentsKit, files: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = plain(agents)
    read = archive_files.read

    def damaged(archive: Archive) -> Any:
        path = files / archive.name
        match damage:
            case "changed":
                path.write_bytes(path.read_bytes()[:-1] + b"x")
            case "cut":
                path.write_bytes(path.read_bytes()[:50])
            case "gone":
                path.unlink()
            case _:
                path.write_bytes(b"x")
                archive.sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        return read(archive)

    monkeypatch.setattr(archive_files, "read", damaged)
    with pytest.raises(BrokenArchive):
        archive_runs(days=0)
    assert here(run)
    assert not away(run)
    assert archiving.remove_doomed() == 1
    assert in_storage(files) == []


def test_a_name_that_is_taken_is_not_overwritten(
    agents: AgentsKit, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(agents)
    new = archiving.new_archive

    def taken() -> Archive:
        archive = new()
        storages["agents_archive"].save(archive.name, ContentFile(b"another's"))
        return archive

    monkeypatch.setattr(archiving, "new_archive", taken)
    with pytest.raises(BrokenArchive, match="already"):
        archive_runs(days=0)


# What is still known.


def test_it_is_still_known_that_it_was(agents: AgentsKit) -> None:
    olga = office.person("olga")
    (run,) = plain(agents, user=olga, session="mail-1")
    archive_runs(days=0)
    known = read_run(run.id)
    assert (known.id, known.agent, known.status, known.version) == (run.id, run.agent, run.status, run.version)
    assert known.created_at == run.created_at
    assert known.archived_at is not None
    assert known.output is None
    assert known.wait(60).ended
    assert list(known.watch()) == []
    entry = ArchivedRun.objects.get()
    assert (entry.user, entry.session, entry.user_name) == (olga, AgentSession.objects.get(), "olga")


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_commands_say_so_to_whom_may_know(agents: AgentsKit, who: str) -> None:
    people = {"owner": office.person("olga"), "stranger": office.person("pat", "agents_app.control_run")}
    (run,) = plain(agents, user=people["owner"])
    archive_runs(days=0)
    with pytest.raises(NotFound) as refused:
        cancel_run(run.id, by=people[who])
    assert isinstance(refused.value, Archived) == (who == "owner")
    if who == "owner":
        assert refused.value.code == "archived"
        assert refused.value.details["status"] == "completed"
        assert "agents_restore" in refused.value.message


def test_an_idempotency_key_keeps_its_run_after_archiving(agents: AgentsKit) -> None:
    olga = office.person("olga")
    started = {"user": olga, "session": "s", "idempotency_key": "order-1"}
    (run,) = plain(agents, **started)
    archive_runs(days=0)
    again = start_run(Clerk, "Hello.", **started)
    assert (again.id, again.status) == (run.id, run.status)
    assert AgentContext.objects.count() == 0
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "Something else.", **started)
    restore_run(run.id)
    back = start_run(Clerk, "Hello.", **started)
    assert (back.id, back.output) == (run.id, "Done.")
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "Hello.", **{**started, "session": "another"})


def test_a_start_with_a_new_key_asks_once_more_for_nothing(agents: AgentsKit) -> None:
    start_run(Clerk, "Warm.", idempotency_key="w")
    with CaptureQueriesContext(connection) as with_key:
        start_run(Clerk, "Hello.", idempotency_key="order-1")
    with CaptureQueriesContext(connection) as without:
        start_run(Clerk, "Hello.")
    selects = [sum("SELECT" in query["sql"] for query in captured) for captured in (with_key, without)]
    assert selects[0] == selects[1] + 1  # one statement looks among the runs and among the archived ones


# Restored runs.


def test_a_restored_run_is_only_to_be_read(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk)
    run = start_run(Clerk, "Fail.")
    agents.run_until_idle()
    archive_runs(days=0)
    assert restore_run(run.id).status == "failed"
    with pytest.raises(WrongState) as refused:
        retry_run(run.id, by=SYSTEM)
    assert refused.value.code == "restored"
    agents.run_until_idle()
    assert read_run(run.id).status == "failed"


def test_restoring_twice_is_restoring_once(agents: AgentsKit) -> None:
    run = eventful(agents)
    archive_runs(days=0)
    first = restore_run(run.id)
    assert restore_run(run.id) == first
    events = AgentEvent.objects.filter(context_id=run.id)
    assert events.count() == run.version


def test_restored_at_the_same_moment(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = plain(agents)
    archive_runs(days=0)
    read = archive_files.read

    def another_is_faster(archive: Archive) -> Any:
        found = list(read(archive))
        monkeypatch.setattr(archive_files, "read", read)
        restore_run(run.id)
        return iter(found)

    monkeypatch.setattr(archive_files, "read", another_is_faster)
    assert restore_run(run.id).id == run.id


def test_a_restored_run_is_put_away_again(agents: AgentsKit, files: Path) -> None:
    run = eventful(agents)
    archive_runs(days=0)
    kept = in_storage(files)
    restore_run(run.id)
    assert archive_runs(days=0).runs == 0
    with days_later(8):
        assert archive_runs(dry_run=True).put_away == 1
        assert archive_runs().put_away == 1
    assert not here(run)
    assert in_storage(files) == kept
    assert restore_run(run.id).output == "All done."


def test_what_is_not_there_cannot_be_restored(agents: AgentsKit, files: Path) -> None:
    (run,) = plain(agents)
    with pytest.raises(NotFound):
        restore_run(run.id)
    archive_runs(days=0)
    archive = Archive.objects.get()
    (files / archive.name).unlink()
    with pytest.raises(BrokenArchive, match="not in the storage"):
        restore_run(run.id)


def test_a_run_that_is_not_in_its_archive(agents: AgentsKit) -> None:
    plain(agents)
    archive_runs(days=0)
    entry = ArchivedRun.objects.get()
    other = "01900000-0000-7000-8000-000000000000"
    entry.pk = other
    entry.save(force_insert=True)
    with pytest.raises(BrokenArchive, match="The run is not in"):
        restore_run(other)


def test_its_users_and_decisions_survive_people_who_are_gone(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run = eventful(agents, user=olga)
    archive_runs(days=0)
    olga.delete()
    restore_run(run.id)
    context = office.context_of(run)
    assert (context.user_id, context.details.user_name) == (None, "olga")


# Where the files go.


def test_without_a_storage_files_go_to_a_folder_of_their_own(agents: AgentsKit, tmp_path: Path, settings: Any) -> None:
    (run,) = plain(agents)
    del settings.STORAGES["agents_archive"]
    settings.STORAGES = {**settings.STORAGES}
    settings.BASE_DIR = tmp_path / "project"
    archive_runs(days=0)
    folder = tmp_path / "project" / "agents_archive"
    names = in_storage(folder)
    assert len(names) == 2
    assert (folder / names[0]).stat().st_mode & 0o777 == 0o600
    assert (folder / names[0]).parent.stat().st_mode & 0o777 == 0o700
    restore_run(run.id)


def test_a_storage_that_cannot_be_used_is_named_and_loses_nothing(
    agents: AgentsKit, tmp_path: Path, settings: Any
) -> None:
    (run,) = plain(agents)
    del settings.STORAGES["agents_archive"]
    settings.STORAGES = {**settings.STORAGES}
    settings.BASE_DIR = tmp_path
    folder = tmp_path / "agents_archive"
    folder.write_text("no folder")
    with pytest.raises(BrokenArchive, match="cannot be stored: NotADirectoryError"):
        archive_runs(days=0)
    assert not away(run)
    folder.unlink()
    assert archive_runs(days=0).runs == 1
    file = folder / Archive.objects.get().name
    file.rename(folder / "elsewhere")
    file.mkdir()
    with pytest.raises(BrokenArchive, match="cannot be fetched: IsADirectoryError"):
        restore_run(run.id)
    file.rmdir()
    (folder / "elsewhere").rename(file)
    assert restore_run(run.id).output == "Done."


def test_unsettled_calls_of_other_runs_do_not_matter(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("order", what="tea"), "Done.")
    waiting = start_run(Clerk, "x")
    agents.run_until_idle()
    (run,) = plain(agents)
    assert archive_runs(days=0).runs == 1
    assert ToolCall.objects.filter(context_id=waiting.id).exists()
    assert away(run)
