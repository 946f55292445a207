"""Promise 1. Once `start_run` has returned and its transaction has committed, the run ends or waits for somebody."""

import threading

from django.db import transaction

from agents_app.models import AgentContext
from agents_app.runtime.drive import drive_due
from agents_app.runtime.recovery import sweep
from agents_app.services import start_run
from agents_app.testing import calls, move_time, run_until_idle
from tests import office
from tests.office import Clerk
from tests.promises.mutants import Cut, Mutant, mutant
from tests.promises.stage import HEARING, Stage


def test_an_accepted_run_is_hinted_to_the_queue_once_it_is_committed(stage: Stage) -> None:
    with stage.hearing() as heard:
        with transaction.atomic():
            run = stage.start("Done.")
            assert heard == []
        assert heard == [run.id]


def test_a_run_that_was_rolled_back_is_not_hinted(stage: Stage) -> None:
    with stage.hearing() as heard, transaction.atomic():
        stage.start("Done.")
        transaction.set_rollback(True)
    assert heard == []
    assert not AgentContext.objects.exists()


def test_a_lost_hint_is_found_by_the_sweep(stage: Stage) -> None:
    run = stage.start("Done.")  # the queue of the stage forgets
    with stage.hearing() as heard:
        assert sweep().hinted == (run.id,)
        assert heard == [run.id]


def test_somebody_is_told_of_an_accepted_run(stage: Stage) -> None:
    """By the queue or by the sweep: one of them may fail."""
    with stage.hearing() as heard:
        run = stage.start("Done.")
        sweep()
    assert run.id in heard


def test_a_run_is_taken_over_when_its_worker_is_gone(stage: Stage) -> None:
    run = stage.start("Done.")
    stage.hold(run)
    assert run_until_idle() == []
    with move_time(31):
        run_until_idle()
    assert run.again().output == "Done."


def test_a_queue_that_is_down_does_not_abort_who_starts_a_run(stage: Stage) -> None:
    with stage.setting(EXECUTOR="tests.bad_input.test_outages.BrokenExecutor"):
        run = start_run(Clerk, "go")
    assert sweep(dry_run=True).hinted == (run.id,)


def test_a_run_whose_workers_die_is_parked_and_not_driven_for_ever(stage: Stage) -> None:
    run = stage.start("Done.")
    with stage.setting(POISON_AFTER=3):
        for deaths in range(3):
            with move_time(31 * deaths):
                stage.hold(run)
        with move_time(31 * 3):
            run_until_idle()
        assert run.again().status == "paused"


def test_work_after_a_release_is_hinted_again(stage: Stage) -> None:
    """The slice ends in the midst of a run: somebody must be told to go on with it."""
    office.behaviour["look"] = lambda context, value: threading.Event().wait(0.1) or value
    with stage.hearing() as heard:
        run = stage.start(*[calls("look", number="1")] * 8, "Done.")  # more than one slow moment may swallow
        with stage.setting(SLICE_SECONDS=0.3, EXECUTOR=HEARING):
            drive_due(1)
        assert heard == [run.id] * 2
    run_until_idle()
    assert run.again().output == "Done."


ANNOUNCE = "agents_app.transitions.change:Change._announce"
NO_HINT = Cut(target=ANNOUNCE, old="if context.due_at is not None and", new="if False and")
NO_SWEEP = Cut(target="agents_app.runtime.recovery:sweep", old="objects.claimable()", new="objects.none()")

MUTANTS = [
    Mutant(
        name="no hint on commit",
        check=test_an_accepted_run_is_hinted_to_the_queue_once_it_is_committed,
        cuts=(NO_HINT,),
    ),
    Mutant(name="no hint after a release", check=test_work_after_a_release_is_hinted_again, cuts=(NO_HINT,)),
    Mutant(name="the sweep finds nothing", check=test_a_lost_hint_is_found_by_the_sweep, cuts=(NO_SWEEP,)),
    Mutant(
        name="neither hint nor sweep: the run is lost",
        check=test_somebody_is_told_of_an_accepted_run,
        cuts=(NO_HINT, NO_SWEEP),
    ),
    mutant(
        "the hint is sent before the commit",
        test_a_run_that_was_rolled_back_is_not_hinted,
        ANNOUNCE,
        "transaction.on_commit(lambda: send_hint(run_id, later), using=conf.DATABASE, robust=True)",
        "send_hint(run_id, later)",
    ),
    mutant(
        "a lease that ran out is for ever",
        test_a_run_is_taken_over_when_its_worker_is_gone,
        "agents_app.models.context:ContextQuerySet.claimable",
        "| Q(lease_until__lte=DatabaseNow())",
        "",
    ),
    mutant(
        "claimed without counting",
        test_a_run_whose_workers_die_is_parked_and_not_driven_for_ever,
        "agents_app.transitions.claims:_put_lease",
        "min(context.claims_without_progress + 1, MOST_LONELY)",
        "context.claims_without_progress",
    ),
]
