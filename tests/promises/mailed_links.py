"""Promise 2, of the links that decide: nothing on GET, only its addressee, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client

from agents_app.definitions.registry import registry
from agents_app.models import ApprovalRequest, Decision, Notification, ToolCall
from agents_app.services import links as service
from agents_app.services import start_run
from agents_app.testing import calls, run_until_idle
from tests import office
from tests.links import conftest as shop
from tests.notify.conftest import telling
from tests.promises.mutants import Cut, Mutant, mutant
from tests.promises.stage import Stage

PATH = "agents_app.services.links:"
NO_DECISION = "the link decided"


@contextmanager
def mailed(stage: Stage) -> Iterator[str]:
    """The path of the link that dora was told of."""
    dora = stage.dora
    with registry.override(shop.Shop), telling(post={"channel": "tests.links.conftest.Post"}):
        shop.Post.sent = []
        shop.done.clear()
        stage.agents.scripted_llm(shop.Shop, calls("letter", text="Dear you"), "Done.")
        start_run(shop.Shop, "go")
        run_until_idle()
        assert dora.get_username() in shop.links()
        yield shop.links()["dora"]
        run_until_idle()


def nothing_on_get(stage: Stage) -> None:
    with mailed(stage) as path:
        Client().get(path, {"verdict": "approve"})
        Client().head(path, {"verdict": "approve"})
        assert not Decision.objects.exists(), NO_DECISION


def only_its_addressee(stage: Stage) -> None:
    other = office.decider("other")
    with mailed(stage) as path:
        browser = Client()
        browser.force_login(other)
        assert browser.post(path, {"verdict": "approve"}).status_code == 403
        assert not Decision.objects.exists(), NO_DECISION


def not_with_another_password(stage: Stage) -> None:
    with mailed(stage) as path:
        stage.dora.set_password("another")
        stage.dora.save()
        Client().post(path, {"verdict": "approve"})
        assert not Decision.objects.exists(), NO_DECISION


def used(*args: Any, **options: Any) -> Any:
    """Somebody else uses the link at the same moment, and the request stays open."""
    Notification.objects.update(link_used_at="2026-01-01T00:00:00Z")
    return service_approve(*args, **options)


service_approve = service.approve


def once(stage: Stage) -> None:
    """Where the request stays open after it was used."""
    with mailed(stage) as path:
        Notification.objects.update(link_used_at="2026-01-01T00:00:00Z")
        Client().post(path, {"verdict": "approve"})
        assert not Decision.objects.exists(), NO_DECISION


def once_at_the_same_moment(stage: Stage) -> None:
    with mailed(stage) as path:
        service.approve = used
        try:
            Client().post(path, {"verdict": "approve"})
        finally:
            service.approve = service_approve
        assert not Decision.objects.exists(), NO_DECISION


def not_after_the_time_to_decide(stage: Stage) -> None:
    with mailed(stage) as path:
        ApprovalRequest.objects.update(expires_at="2026-01-01T00:00:00Z")
        assert Client().get(path).status_code == 410
        assert Client().post(path, {"verdict": "approve"}).status_code == 410
        assert not Decision.objects.exists(), NO_DECISION


def not_when_it_is_too_old(stage: Stage) -> None:
    with mailed(stage) as path, stage.setting(LINK_SECONDS=-1):
        assert Client().post(path, {"verdict": "approve"}).status_code == 410
        assert not Decision.objects.exists(), NO_DECISION


def not_on_other_arguments(stage: Stage) -> None:
    with mailed(stage) as path:
        ToolCall.objects.update(digest="0" * 64)
        assert Client().get(path).status_code == 409
        Client().post(path, {"verdict": "approve"})
        assert not Decision.objects.exists(), NO_DECISION


CHECKS = [
    nothing_on_get,
    only_its_addressee,
    not_with_another_password,
    once,
    once_at_the_same_moment,
    not_after_the_time_to_decide,
    not_when_it_is_too_old,
    not_on_other_arguments,
]
UNUSED = "if not unused.update(link_used_at=DatabaseNow()):"
MUTANTS = [
    Mutant(
        name="a link decides when it is opened",
        check=nothing_on_get,
        cuts=(
            Cut(target="agents_app.links.views:decide", old='if request.method != "POST":', new="if False:"),
            Cut(
                target="agents_app.links.views:_decided",
                old='request.POST.get("verdict", "")',
                new='request.GET.get("verdict", "")',
            ),
        ),
    ),
    mutant(
        "a link decides for whoever is logged in",
        only_its_addressee,
        f"{PATH}read_link",
        "visitor.pk != user.pk",
        "False",
    ),
    mutant(
        "a link outlives the password of its addressee",
        not_with_another_password,
        f"{PATH}_addressee",
        "not constant_time_compare(mark_of(user), sealed.mark)",
        "False",
    ),
    Mutant(
        name="a link decides again",
        check=once,
        cuts=(
            Cut(target=f"{PATH}read_link", old="if row.link_used_at is not None:", new="if False:"),
            Cut(target=f"{PATH}decide_by_link", old=UNUSED, new="if False:"),
        ),
    ),
    mutant(
        "a link decides twice at the same moment",
        once_at_the_same_moment,
        f"{PATH}decide_by_link",
        UNUSED,
        "if False:",
    ),
    mutant(
        "a link decides after the time to decide",
        not_after_the_time_to_decide,
        f"{PATH}_check",
        "if request.expires_at is not None and request.expires_at <= database_now():",
        "if False:",
    ),
    mutant(
        "a link is good for ever",
        not_when_it_is_too_old,
        "agents_app.notify.links:open_link",
        "max_age=timedelta(seconds=conf.LINK_SECONDS)",
        "max_age=None",
    ),
    mutant(
        "a link decides on other arguments than were told of",
        not_on_other_arguments,
        f"{PATH}_check",
        "if request.call.digest != sealed.digest:",
        "if False:",
    ),
]
