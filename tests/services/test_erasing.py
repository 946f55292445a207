"""What runs hold of a person is erased, in every table and every archive; the skeleton stays and the log has no gap."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from agents_app.exceptions import InvalidInput, NotPermitted, WrongState
from agents_app.models import (
    AgentContext,
    AgentSession,
    Archive,
    ArchivedRun,
    Decision,
    Delegation,
    StoredResponse,
    database_now,
)
from agents_app.models.belongings import belongings
from agents_app.models.erasure import BLANK, ERASED, HARMLESS, KEPT, KEPT_HARMLESS, NAMES
from agents_app.services import (
    SYSTEM,
    archive_runs,
    archiving,
    delegate,
    erase_user,
    erasing,
    pause_run,
    restore_run,
    resume_run,
    retry_run,
    save_policy,
    start_run,
    switch_off,
)
from agents_app.testing import AgentsKit, calls
from agents_app.transitions.claims import claim
from tests import office
from tests.archives import days_later, eventful, plain, stored
from tests.management.desk import manage
from tests.office import Clerk
from tests.services.test_secrets import everything_stored

pytestmark = pytest.mark.django_db
WORDS = ("Fliederweg", "blue, says", "hunter2", "mail-from-olga", "the neighbour", "look: F")
"""What the person or others said about them; all of it must go."""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Any) -> Path:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    return tmp_path


def personal(agents: AgentsKit, user: Any) -> Any:
    """A run full of a person: words in every field that can hold one, a failure and a retry too."""
    office.behaviour["sign_in"] = lambda *_: "Fliederweg 5"
    signs_in = calls("sign_in", account="ada", password="hunter2")
    agents.scripted_llm(Clerk, calls("look", number="Fliederweg"), signs_in, calls("ask_user", question="Fliederweg?"))
    run = start_run(
        Clerk,
        "I live in Fliederweg 5.",
        user=user,
        session="mail-from-olga",
        metadata={"street": "Fliederweg"},
        subject=user,
        idempotency_key="Fliederweg",
    )
    agents.run_until_idle()
    agents.approve_pending(run, by=office.person(f"dora{run.id}", *office.DECIDES), reason="Fliederweg is right")
    agents.run_until_idle()
    pause_run(run.id, by=user if user.is_superuser else SYSTEM, reason="because of the neighbour")
    resume_run(run.id, by=SYSTEM)
    agents.answer_pending(run, "blue, says the neighbour", by=user)
    agents.run_until_idle()
    agents.assert_failed(run)
    retry_run(run.id, by=SYSTEM)
    agents.scripted_llm(Clerk, *[calls("look", number="x")] * 3, "Send it to Fliederweg 5.")
    agents.run_until_idle()
    agents.assert_completed(run)
    return run.again()


def assert_clean(text: str, *names: str) -> None:
    for word in (*WORDS, *names):
        assert word.lower() not in text.lower(), word


def runs_tables() -> str:
    return json.dumps([stored(pk) for pk in AgentContext.objects.values_list("pk", flat=True)])


def archived_text(files: Path) -> str:
    packed = [gzip.decompress(path.read_bytes()).decode() for path in files.rglob("*.gz")]
    return "\n".join([*packed, *(path.read_text() for path in files.rglob("*.json"))])


def test_every_field_with_a_text_is_thought_of() -> None:
    """A new column must be blanked, kept as a name, or known to hold nothing of a person."""
    forgotten = []
    for kind in belongings():
        known = {*BLANK.get(kind.name, ()), *NAMES.get(kind.name, ()), *HARMLESS.get(kind.name, ())}
        for field in kind.model._meta.concrete_fields:
            is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
            if is_text and field.attname not in known and (kind.name, field.attname) != ("agentevent", "data"):
                forgotten.append(f"{kind.name}.{field.attname}")
    assert forgotten == []


def test_every_field_of_what_staff_keep_is_thought_of() -> None:
    forgotten = []
    for table, names in KEPT.items():
        known = {*names, *KEPT_HARMLESS[table], *(each for beside in names.values() for each in beside)}
        for field in apps.get_model("agents_app", table)._meta.concrete_fields:
            is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
            if is_text and field.attname not in known:
                forgotten.append(f"{table}.{field.attname}")
    assert forgotten == []


def test_their_name_goes_from_what_they_kept_as_staff(agents: AgentsKit) -> None:
    manages = ("agents_app.add_approvalpolicy", "agents_app.change_approvalpolicy", "agents_app.stop_agents")
    olga = office.person("olga_the_owner", *manages, "agents_app.view_approvalpolicy", *office.DECIDES)
    otto = office.decider("otto")
    policy = save_policy({"name": "large", "tool": "pay", "answer": "ask"}, by=olga)
    theirs = save_policy({"name": "small", "tool": "pay", "answer": "allow"}, by=SYSTEM)
    switch = switch_off(by=olga, agent="clerk", reason="Too fast.")
    until = database_now() + timedelta(days=3)
    given = delegate(by=olga, to=otto, until=until, reason="At the Fliederweg clinic.")
    taken = delegate(by=otto, to=olga, until=until, reason="A journey.")
    erase_user(olga, by=SYSTEM)
    for row in (policy, theirs, switch, given, taken):
        row.refresh_from_db()
    assert (policy.made_by, policy.updated_by, policy.active) == (ERASED, ERASED, True)
    assert (theirs.made_by, theirs.updated_by) == ("system", "system")
    assert (switch.off_by, switch.reason, switch.on_at) == (ERASED, "Too fast.", None), "it still holds"
    assert (given.giver_name, given.made_by_name, given.receiver_name, given.reason) == (ERASED, ERASED, "otto", "")
    assert (taken.giver_name, taken.receiver_name, taken.receiver_key) == ("otto", ERASED, "erased receiver_key")
    assert not Delegation.objects.active().exists()
    erase_user(otto, by=SYSTEM)  # the two are still told apart
    assert "olga_the_owner" not in json.dumps(list(Delegation.objects.values()), default=str)
    assert "otto" not in json.dumps(list(Delegation.objects.values()), default=str)


def test_a_person_is_erased_and_the_skeleton_stays(agents: AgentsKit) -> None:
    olga = office.person("olga_the_owner")
    run = personal(agents, olga)
    other = plain(agents, user=office.person("otto"))[0]
    before, others = stored(run.id), stored(other.id)
    StoredResponse.objects.create(principal=str(olga.pk), key="k", fingerprint="f", body={"input": "Fliederweg"})
    assert "Fliederweg" in runs_tables()
    done = erase_user(olga, by=SYSTEM, reason="asked for it")
    assert (done.runs, done.sessions, done.still_open) == (1, 1, ())
    olga.delete()
    assert_clean(everything_stored(), "olga_the_owner")
    after = stored(run.id)
    assert {name: len(rows) for name, rows in after.items()} == {
        **{name: len(rows) for name, rows in before.items()},
        "agentevent": len(before["agentevent"]) + 1,
    }
    assert [event["sequence"] for event in after["agentevent"]] == list(range(1, run.version + 2))
    assert [event["type"] for event in after["agentevent"]] == [
        *(event["type"] for event in before["agentevent"]),
        "run.erased",
    ]
    assert after["agentevent"][-1]["data"] == {"by": "system", "reason": "asked for it"}
    for name in ("status", "digest", "tool"):
        assert [call[name] for call in after["toolcall"]] == [call[name] for call in before["toolcall"]]
    decision = Decision.objects.get()
    assert (decision.verdict, decision.user_name[:4], decision.reason) == ("approved", "dora", "")
    assert stored(other.id) == others
    assert office.context_of(run).details.user_name == ERASED


def test_again_there_is_nothing_to_do(agents: AgentsKit) -> None:
    olga = office.person("olga")
    personal(agents, olga)
    erase_user(olga, by=SYSTEM)
    assert erase_user(olga, by=SYSTEM) == erasing.Erasure()


def test_archives_are_erased_and_their_old_files_deleted(agents: AgentsKit, files: Path) -> None:
    olga = office.person("olga_the_owner")
    run = personal(agents, olga)
    other = eventful(agents, user=office.person("otto"))
    untouched = stored(other.id)
    assert archive_runs(days=0).archives == 1
    assert "Fliederweg" in archived_text(files)
    done = erase_user(olga, by=SYSTEM)
    assert (done.runs, done.archived_runs, done.sessions) == (0, 1, 1)
    olga.delete()
    for word in ("Fliederweg", "olga_the_owner", "mail-from-olga", "neighbour"):
        assert word not in archived_text(files)
        assert word not in everything_stored()
    assert len(list(files.rglob("*.gz"))) == Archive.objects.count() == 1
    entry = ArchivedRun.objects.get(pk=run.id)
    assert (entry.user_id, entry.user_name, entry.idempotency_key, entry.fingerprint) == (None, ERASED, None, "")
    assert entry.erased_at is not None
    restore_run(run.id)
    context = office.context_of(run)
    assert context.version == entry.version == run.version + 1
    assert agents.event_types(run)[-1] == "run.erased"
    assert [event.sequence for event in agents.events(run)] == list(range(1, context.version + 1))
    restore_run(other.id)
    after = stored(other.id)
    after["rundetails"][0]["restored_at"] = None
    assert after == untouched
    with days_later(8):
        assert archive_runs().put_away == 2


def test_a_restored_copy_goes_and_its_archive_is_erased(agents: AgentsKit, files: Path) -> None:
    olga = office.person("olga_the_owner")
    run = personal(agents, olga)
    archive_runs(days=0)
    restore_run(run.id)
    assert erase_user(olga, by=SYSTEM).archived_runs == 1
    assert not AgentContext.objects.exists()
    assert "Fliederweg" not in archived_text(files) + everything_stored()


def test_runs_that_have_not_ended(agents: AgentsKit) -> None:
    olga = office.person("olga")
    agents.scripted_llm(Clerk, calls("order", what="Fliederweg"), "Done.")
    waiting = start_run(Clerk, "Fliederweg", user=olga)
    agents.run_until_idle()
    with pytest.raises(WrongState) as refused:
        erase_user(olga, by=SYSTEM)
    assert refused.value.code == "open_runs"
    assert str(waiting.id) in refused.value.message
    assert erase_user(olga, by=SYSTEM, cancel=True).runs == 1
    assert "Fliederweg" not in runs_tables()


def test_a_run_that_a_worker_holds_is_erased_later(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run = start_run(Clerk, "Fliederweg", user=olga)
    assert claim(run.id) is not None
    assert erase_user(olga, by=SYSTEM, cancel=True).still_open == (run.id,)
    assert "Fliederweg" in runs_tables()
    done = manage("agents_erase_user", "olga", "--cancel")
    assert (done.code, f"Not ended yet: {run.id}" in done.out) == (6, True)


@pytest.mark.parametrize("stage", ["_erase_archives", "_erase_sessions", "remove_doomed"])
def test_killed_in_between_it_goes_on(
    agents: AgentsKit, files: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = office.person("olga_the_owner")
    personal(agents, olga)
    archive_runs(days=0)
    personal_too = plain(agents, user=olga, session="mail-from-olga")
    with monkeypatch.context() as patch:
        patch.setattr(erasing, stage, lambda *given, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_user(olga, by=SYSTEM)
    erase_user(olga, by=SYSTEM)
    olga.delete()
    for word in ("Fliederweg", "olga_the_owner", "mail-from-olga"):
        assert word not in archived_text(files) + everything_stored()
    assert office.context_of(personal_too[0]).details.erased_at is not None


def test_a_run_that_is_being_archived_meanwhile(
    agents: AgentsKit, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = office.person("olga_the_owner")
    personal(agents, olga)
    write = archiving.write_archive

    def erased_meanwhile(*given: Any) -> None:
        write(*given)
        monkeypatch.setattr(archiving, "write_archive", write)
        erase_user(olga, by=SYSTEM)

    monkeypatch.setattr(archiving, "write_archive", erased_meanwhile)
    archive_runs(days=0)
    archive_runs(days=0)
    assert "Fliederweg" not in archived_text(files) + everything_stored()


def test_who_may(agents: AgentsKit) -> None:
    olga = office.person("olga")
    with pytest.raises(NotPermitted):
        erase_user(olga, by=olga)
    erase_user(olga, by=office.person("eva", "agents_app.erase_user"))
    with pytest.raises(InvalidInput):
        erase_user(SYSTEM, by=SYSTEM)


def test_the_command(agents: AgentsKit) -> None:
    olga = office.person("olga")
    plain(agents, user=olga, session="s")
    said = manage("agents_erase_user", "olga", "--dry-run").out
    assert said == "1 run, no archived runs, 1 session, no memories would be erased.\n"
    assert AgentSession.objects.get().key == "s"
    expected = {"runs": 1, "archived_runs": 0, "sessions": 1, "memories": 0, "still_open": []}
    assert manage("agents_erase_user", "olga", "--json").json == expected
    assert manage("agents_erase_user", "nobody").code == 3
    office.person("pat")
    assert manage("agents_erase_user", "olga", "--as", "pat").code == 4
