"""The link that decides: nothing on GET, only its addressee, once; and a clear page for whatever has changed since."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from django.utils import translation

from agents_app.core.status import ApprovalStatus
from agents_app.definitions.registry import registry
from agents_app.models import ApprovalRequest, Decision, Notification
from agents_app.services import SYSTEM, approve, cancel_run, read_run, reject, switch_off
from agents_app.services import links as service
from agents_app.testing import calls, move_time, run_until_idle
from tests import office
from tests.links.conftest import Post, Shop, done, links, submit
from tests.notify.conftest import telling

pytestmark = pytest.mark.django_db


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def nothing_happened() -> None:
    run_until_idle()
    assert done == []
    assert not Decision.objects.exists()


def test_looking_changes_nothing(asked: Any, browser: Client) -> None:
    run = asked()
    path = links()["dora"]
    before = list(ApprovalRequest.objects.values()), list(Notification.objects.values()), read_run(run.id).version
    for answer in (browser.get(path), browser.head(path), browser.get(f"{path}?verdict=approve"), Client().get(path)):
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Frame-Options"] == "DENY"
    assert "Dear you" in text_of(browser.get(path))
    assert (list(ApprovalRequest.objects.values()), list(Notification.objects.values()), read_run(run.id).version) == (
        before
    )
    nothing_happened()


def test_the_page_says_that_the_tool_is_switched_off(asked: Any, browser: Client) -> None:
    run = asked()
    path = links()["dora"]
    assert "Switched off" not in text_of(browser.get(path))
    switch_off(by=SYSTEM, reason="The <bank> is down.", agent=run.agent)
    assert "The &lt;bank&gt; is down. What you approve now will not be done." in text_of(browser.get(path))


def test_what_hides_or_looks_like_something_else_is_spelled_out(asked: Any, browser: Client) -> None:
    """On the page and in what leads there: neither has anything of the desk's marks."""
    asked(calls("letter", text="Pay \u202eevil\u202c z\u200bero p\u0430ypal"))
    text = text_of(browser.get(links()["dora"]))
    mail = Post.sent[0]
    for each in (text, mail.text, mail.html):
        assert not {"\u202e", "\u202c", "\u200b"} & set(each)
    assert "Pay ⟨U+202E⟩evil⟨U+202C⟩ z⟨U+200B⟩ero p\u0430⟨U+0430⟩ypal" in text


def test_names_and_inner_amounts_read_as_they_do_in_the_admin(asked: Any, browser: Client) -> None:
    asked(calls("order", delivery_place="Berlin", items=[{"unit_price": "1062.5", "currency": "EUR"}]))
    with translation.override("de"):
        text = text_of(browser.get(links()["dora"]))
    assert "Delivery place Berlin" in text
    assert (
        "Items [ { &quot;currency&quot;: &quot;EUR&quot;, &quot;unit_price&quot;: &quot;1.062,50 EUR&quot; } ]" in text
    )


def test_amounts_read_as_they_do_on_the_page_of_the_request(asked: Any, browser: Client) -> None:
    asked(calls("pay", to="Ada", amount="1062.5", fee="none"))
    path = links()["dora"]
    text = text_of(browser.get(path))
    assert "Pay 1062.50 EUR to Ada" in text, "the sentence, which is stored in no reader's language"
    assert "Amount 1,062.50 EUR" in text
    assert "Fee none EUR" in text
    with translation.override("de"):
        assert "Amount 1.062,50 EUR" in text_of(browser.get(path))
    call = ApprovalRequest.objects.get().call
    assert '"amount":"1062.5"' in call.arguments, "what the call is made with is as it was"
    assert "You approved it." in text_of(submit(browser, path, verdict="approve"))
    run_until_idle()
    assert done == ["1062.5"]


def test_who_is_not_the_last_to_approve_is_told_so(asked: Any, browser: Client) -> None:
    asked(calls("sign", text="The contract"))
    answer = text_of(submit(browser, links()["dora"], verdict="approve"))
    assert "You approved it. It still waits for somebody else&#x27;s yes." in answer
    assert "goes on" not in answer
    run_until_idle()
    assert done == []


def test_a_long_value_says_that_it_is_longer(asked: Any, browser: Client) -> None:
    asked(calls("letter", text="a" * 5_000))
    assert "… [this is the beginning; it has 5000 characters]" in text_of(browser.get(links()["dora"]))


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_do_nothing(asked: Any, method: str) -> None:
    asked()
    assert getattr(Client(), method)(links()["dora"]).status_code == 405
    nothing_happened()


def test_the_form_approves_as_the_addressee(asked: Any, browser: Client, dora: Any) -> None:
    run = asked()
    answer = submit(browser, links()["dora"], verdict="approve")
    assert answer.status_code == 200
    assert "You approved it" in text_of(answer)
    decision = Decision.objects.get()
    request = office.request_of(run)
    assert (decision.user, decision.door, decision.verdict) == (dora, "link", "approved")
    assert decision.address == "127.0.0.1"
    assert decision.digest_shown == decision.digest == request.digest
    run_until_idle()
    assert done == ["Dear you"]
    assert read_run(run.id).output == "Done."


def test_the_form_rejects_with_a_reason(asked: Any, browser: Client) -> None:
    run = asked()
    path = links()["dora"]
    answer = submit(browser, path, verdict="reject", reason="  ")
    assert answer.status_code == 400
    assert "Say why" in text_of(answer)
    nothing_happened()
    assert submit(browser, path, verdict="reject", reason="too cold").status_code == 200
    assert Decision.objects.get().reason == "too cold"
    run_until_idle()
    assert done == []
    assert office.request_of(run).status == "rejected"


def test_a_form_that_says_nothing_decides_nothing(asked: Any, browser: Client) -> None:
    asked()
    assert submit(browser, links()["dora"]).status_code == 400
    nothing_happened()


def test_the_form_of_another_site_decides_nothing(asked: Any, browser: Client) -> None:
    asked()
    assert browser.post(links()["dora"], {"verdict": "approve"}).status_code == 403
    nothing_happened()


def test_a_link_decides_once(asked: Any, browser: Client) -> None:
    asked()
    path = links()["dora"]
    submit(browser, path, verdict="approve")
    for answer in (
        browser.get(path),
        submit(browser, path, verdict="approve"),
        submit(browser, path, verdict="reject", reason="no"),
    ):
        assert answer.status_code == 409
        assert "used" in text_of(answer)
    assert Decision.objects.count() == 1
    run_until_idle()
    assert done == ["Dear you"]


def test_a_link_that_was_used_stays_so_where_the_request_is_open_still(asked: Any, browser: Client) -> None:
    """A quorum leaves a request open after one person's word."""
    asked()
    path = links()["dora"]
    Notification.objects.update(link_used_at="2026-01-01T00:00:00Z")
    assert browser.get(path).status_code == 409
    assert submit(browser, path, verdict="approve").status_code == 409
    nothing_happened()


def test_two_at_the_same_moment_decide_once(asked: Any, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read that it is unused; the second finds out when it writes."""
    asked()
    path = links()["dora"]
    inner = service.approve

    def slow(*args: Any, **options: Any) -> Any:
        Notification.objects.update(link_used_at="2026-01-01T00:00:00Z")
        return inner(*args, **options)

    monkeypatch.setattr(service, "approve", slow)
    assert submit(browser, path, verdict="approve").status_code == 409
    nothing_happened()


def test_only_for_its_addressee(asked: Any, dora: Any) -> None:
    other = office.decider("other")
    asked()
    assert set(links()) == {"dora", "other"}
    assert len(set(links().values())) == 2
    logged_in = Client()
    logged_in.force_login(other)
    for answer in (logged_in.get(links()["dora"]), submit(logged_in, links()["dora"], verdict="approve")):
        assert answer.status_code == 403
        assert "somebody else" in text_of(answer)
    nothing_happened()
    logged_in.force_login(dora)
    assert submit(logged_in, links()["dora"], verdict="approve").status_code == 200
    assert Decision.objects.get().user == dora


@pytest.mark.parametrize("where", [0, 5, 40, -5])
def test_a_link_that_was_tampered_with(asked: Any, browser: Client, where: int) -> None:
    asked()
    token = links()["dora"].strip("/").split("/")[-1]
    letter = "a" if token[where] != "a" else "b"
    changed = list(token)
    changed[where] = letter
    path = f"/decide/{''.join(changed)}/"
    assert browser.get(path).status_code == 404
    assert submit(browser, path, verdict="approve").status_code == 404
    nothing_happened()


@pytest.mark.parametrize("token", ["x", "a:b:c", "é:1:2", "." * 2000, "%00", "a.b.c:1tKqZn:xxx"])
def test_what_is_no_link_of_ours(browser: Client, token: str) -> None:
    answer = browser.get(f"/decide/{token}/")
    assert answer.status_code == 404
    assert "Nothing was decided" in text_of(answer)


def test_a_link_of_another_installation(asked: Any, browser: Client) -> None:
    asked()
    with override_settings(SECRET_KEY="another" * 10):
        assert browser.get(links()["dora"]).status_code == 404
    nothing_happened()


def test_a_link_after_its_time(asked: Any, browser: Client) -> None:
    asked()
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LINK_SECONDS": -1.0}):
        for answer in (browser.get(links()["dora"]), submit(browser, links()["dora"], verdict="approve")):
            assert answer.status_code == 410
            assert "too old" in text_of(answer)
    nothing_happened()


def test_after_the_time_to_decide(asked: Any, browser: Client) -> None:
    with telling({"APPROVAL_EXPIRES_SECONDS": 600.0}, **settings.AGENTS_APP["NOTIFY"]):
        Post.sent = []
        asked()
        with move_time(601):
            assert browser.get(links()["dora"]).status_code == 410
            assert submit(browser, links()["dora"], verdict="approve").status_code == 410
            nothing_happened()


def test_of_somebody_who_lost_the_permission(asked: Any, browser: Client, dora: Any) -> None:
    asked()
    dora.user_permissions.remove(*dora.user_permissions.filter(codename="view_group"))
    for answer in (browser.get(links()["dora"]), submit(browser, links()["dora"], verdict="approve")):
        assert answer.status_code == 403
        assert "auth.view_group" in text_of(answer)
    nothing_happened()


def test_of_somebody_who_may_not_even_know_of_it_any_more(asked: Any, browser: Client, dora: Any) -> None:
    asked()
    dora.user_permissions.clear()
    assert submit(browser, links()["dora"], verdict="approve").status_code == 404
    nothing_happened()


@pytest.mark.parametrize("change", ["inactive", "password", "email", "deleted"])
def test_of_somebody_who_is_not_who_they_were(asked: Any, browser: Client, dora: Any, change: str) -> None:
    asked()
    path = links()["dora"]
    if change == "deleted":
        get_user_model().objects.filter(pk=dora.pk).delete()
    else:
        dora.is_active = change != "inactive"
        dora.email = "new@example.com" if change == "email" else dora.email
        if change == "password":
            dora.set_password("another")
        dora.save()
    assert browser.get(path).status_code == 404
    assert submit(browser, path, verdict="approve").status_code == 404
    nothing_happened()


def test_after_the_arguments_changed(asked: Any, browser: Client) -> None:
    run = asked()
    call = office.call_of(run)
    type(call).objects.filter(pk=call.pk).update(digest="0" * 64)
    for answer in (browser.get(links()["dora"]), submit(browser, links()["dora"], verdict="approve")):
        assert answer.status_code == 409
        assert "arguments have changed" in text_of(answer)
    nothing_happened()


def test_after_somebody_else_decided(asked: Any, browser: Client, dora: Any) -> None:
    run = asked()
    other = office.decider("other")
    request = office.request_of(run)
    reject(request.pk, by=other, reason="no")
    for answer in (browser.get(links()["dora"]), submit(browser, links()["dora"], verdict="approve")):
        assert answer.status_code == 409
        assert "other rejected this" in text_of(answer)
    run_until_idle()
    assert done == []


def test_after_the_run_was_cancelled(asked: Any, browser: Client) -> None:
    run = asked()
    cancel_run(run.id, by=SYSTEM)
    run_until_idle()
    assert browser.get(links()["dora"]).status_code == 409
    assert submit(browser, links()["dora"], verdict="approve").status_code == 409
    nothing_happened()


def test_after_the_row_is_gone(asked: Any, browser: Client) -> None:
    asked()
    Notification.objects.all().delete()
    assert browser.get(links()["dora"]).status_code == 404


def test_only_for_tools_that_allow_it(asked: Any, browser: Client) -> None:
    asked(calls("parcel", text="x"))
    assert links()["dora"] == ""
    assert Post.sent[0].items[0].url


def test_a_tool_that_does_not_allow_it_any_more(asked: Any, browser: Client) -> None:
    asked()
    path = links()["dora"]

    class Stricter(Shop):
        name = "shop"
        letter = Shop.parcel
        parcel = None

    with registry.override(Stricter):
        assert browser.get(path).status_code == 403
        assert submit(browser, path, verdict="approve").status_code == 403
    assert not Decision.objects.exists()


def test_a_newer_request_about_the_same_call_needs_its_own_link(asked: Any, browser: Client, dora: Any) -> None:
    run = asked()
    first, old = office.request_of(run), links()["dora"]
    approve(first.pk, by=dora, digest=first.digest)
    with move_time(7200):
        run_until_idle()
        second = office.request_of(run)
        assert second.supersedes_id == first.pk
        assert second.status == ApprovalStatus.PENDING
        assert submit(browser, old, verdict="approve").status_code == 409
        assert links()["dora"] != old
        assert submit(browser, links()["dora"], verdict="approve").status_code == 200
        run_until_idle()
    assert done == ["Dear you"]


def test_what_an_llm_wrote_is_shown_as_text(asked: Any, browser: Client) -> None:
    asked(calls("letter", text="<script>alert(1)</script>"))
    page = browser.get(links()["dora"]).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_link_needs_no_page_of_its_own_where_there_is_none(asked: Any) -> None:
    with override_settings(ROOT_URLCONF="tests.links.no_links"):
        asked()
    assert links()["dora"] == ""
