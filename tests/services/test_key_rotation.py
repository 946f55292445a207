"""Keys are replaced: what the old one sealed is sealed anew, in rows and in archives, and then it can go."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import override_settings

from agents_app.checks.keys import check_keys
from agents_app.models import Archive, ArchivedRun, ToolCall
from agents_app.models.sealing import UNKNOWN_KEY, key_of, name_of_key, seal, unseal
from agents_app.services import archive_runs, archiving, key_rotation, restore_run, rotate_keys, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.management.desk import manage
from tests.office import Clerk

pytestmark = pytest.mark.django_db
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}


def keys(*names: str) -> override_settings:
    return override_settings(
        AGENTS_APP={"EXECUTOR": "agents_app.testing.executor.WaitingExecutor", "ENCRYPTION_KEYS": list(names)}
    )


def sealed_call(agents: AgentsKit) -> ToolCall:
    office.behaviour["sign_in"] = lambda *_: "in"
    agents.scripted_llm(Clerk, calls("sign_in", account="ada", password=SECRET), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    return office.call_of(run)


def ended_call(agents: AgentsKit) -> ToolCall:
    call = sealed_call(agents)
    agents.approve_pending(call.context_id, by=office.decider(f"dora-{call.pk}"))
    agents.run_until_idle()
    return call


def warnings() -> list[Any]:
    return [found.id for found in check_keys(databases=["default"])]


def test_rows(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    with keys("old"):
        found = [sealed_call(agents) for _ in range(5)]
    with keys("new", "old"):
        assert rotate_keys(dry_run=True).calls == 5
        assert key_of(ToolCall.objects.get(pk=found[0].pk).sealed) == name_of_key("old")
        newest = sealed_call(agents)
        assert rotate_keys() == key_rotation.Rotation(calls=5)
        assert rotate_keys() == key_rotation.Rotation()
    with keys("new"):
        for call in (*found, newest):
            assert SECRET in unseal(ToolCall.objects.get(pk=call.pk).sealed)
        assert warnings() == []


def test_stopped_and_repeated(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    with keys("old"):
        for _ in range(3):
            sealed_call(agents)
    reseal, done = key_rotation._reseal, []

    def stopped(*given: Any) -> bool:
        if done:
            raise KeyboardInterrupt
        done.append(given)
        return reseal(*given)

    with keys("new", "old"):
        with monkeypatch.context() as patch:
            patch.setattr(key_rotation, "_reseal", stopped)
            with pytest.raises(KeyboardInterrupt):
                rotate_keys()
        assert rotate_keys().calls == 2


def test_what_was_edited_meanwhile_is_left_alone(agents: AgentsKit) -> None:
    with keys("old"):
        call = sealed_call(agents)
    with keys("new", "old"):
        assert not key_rotation._reseal(call.pk, seal("another text"))
        assert ToolCall.objects.get(pk=call.pk).sealed == call.sealed


def test_archives(agents: AgentsKit, tmp_path: Path) -> None:
    with keys("old"):
        call = ended_call(agents)
        assert archive_runs(days=0).runs == 1
    old = Archive.objects.get()
    assert old.keys == [name_of_key("old")]
    with keys("new"):
        assert warnings() == ["agents_app.W121"]
    with keys("new", "old"):
        assert rotate_keys() == key_rotation.Rotation(archives=1)
    new = Archive.objects.get()
    assert (new.keys, new.pk != old.pk) == ([name_of_key("new")], True)
    assert sorted(path.name for path in tmp_path.rglob("*.gz*")) == [
        Path(new.name).name,
        f"{Path(new.name).name}.manifest.json",
    ]
    with keys("new"):
        assert warnings() == []
        restore_run(call.context_id)
        assert SECRET in unseal(ToolCall.objects.get(pk=call.pk).sealed)


def test_an_archive_that_another_host_rewrote_is_left_alone(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    with keys("old"):
        ended_call(agents)
        archive_runs(days=0)
    write = key_rotation.write_archive

    def another_is_faster(*given: Any) -> None:
        monkeypatch.setattr(key_rotation, "write_archive", write)
        assert rotate_keys().archives == 1
        write(*given)

    with keys("new", "old"):
        monkeypatch.setattr(key_rotation, "write_archive", another_is_faster)
        assert rotate_keys().archives == 0
    archive = Archive.objects.get()
    assert ArchivedRun.objects.get().archive == archive


def test_killed_while_an_archive_is_rewritten(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    with keys("old"):
        call = ended_call(agents)
        archive_runs(days=0)
    with keys("new", "old"):
        for name in ("complete", "write_archive"):
            with monkeypatch.context() as patch:
                patch.setattr(key_rotation, name, lambda *given: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    rotate_keys()
        archiving.remove_doomed()
        assert Archive.objects.get().keys == [name_of_key("old")]
        assert rotate_keys().archives == 1
        restore_run(call.context_id)


def test_a_key_that_is_gone(agents: AgentsKit) -> None:
    with keys("lost"):
        call = sealed_call(agents)
    with keys("new"):
        assert key_of(call.sealed) == UNKNOWN_KEY
        assert rotate_keys() == key_rotation.Rotation(unknown=1)
        assert warnings() == ["agents_app.W120"]
        done = manage("agents_rotate_keys")
        assert done.code == 1
        assert "1 call or archive cannot be opened" in done.out
        assert ToolCall.objects.get(pk=call.pk).sealed == call.sealed


def test_the_command(agents: AgentsKit) -> None:
    with keys("old"):
        sealed_call(agents)
    with keys("new", "old"):
        assert manage("agents_rotate_keys", "--dry-run").out == "1 call and no archives would be sealed anew.\n"
        assert manage("agents_rotate_keys", "--json").json == {"calls": 1, "archives": 0, "unknown": 0}
        assert manage("agents_rotate_keys").code == 0
    with keys():
        assert manage("agents_rotate_keys").code == 2
        with pytest.raises(ImproperlyConfigured):
            rotate_keys()


def test_the_check_asks_only_where_it_may() -> None:
    assert check_keys() == []
    assert check_keys(databases=["other"]) == []
    call_command("check", databases=["default"])
