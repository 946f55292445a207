"""Who may decide, as rows of the policy form."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.datastructures import MultiValueDict

from agents_app.admin.approver_rows import ApproverRows, ApproversField, Typed, typed_of
from agents_app.core.approver_rules import read_approvers
from agents_app.models import ApprovalPolicy
from tests.admin.test_policies import PAGES, RIGHTS, typed, who
from tests.office import open_office, person

RULES: list[Any] = [
    None,
    {},
    {"four_eyes": True},
    {"four_eyes": False},
    {"group": "Finance", "quorum": 2},
    {"permission": "auth.view_group", "resolver": "order_owner", "four_eyes": True},
    {"stages": [{"group": "Support"}, {"name": "Finance", "group": "Finance", "quorum": 2}]},
    {"stages": [{}, {"permission": "auth.view_group"}, {}], "four_eyes": False},
    {"stages": [{"name": "The lead"}]},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_what_json_could_say_rows_say(rule: Any) -> None:
    shown = typed_of(rule)
    data = {f"x-{part}": [row[part] for row in shown.rows] for part in ("permission", "group", "resolver")}
    data |= {f"x-{part}": [row[part] for row in shown.rows] for part in ("quorum", "name")}
    posted: MultiValueDict[str, str] = MultiValueDict({**data, "x-four_eyes": [shown.four_eyes]})
    assert ApproverRows().value_from_datadict(posted, None, "x") == shown
    assert ApproversField(required=False).clean(shown) == rule
    if rule is not None:
        assert read_approvers(rule).as_json() == rule


@pytest.mark.parametrize(
    "broken", [7, "x", {"stages": "y"}, {"quorum": None, "more": 1}, {"stages": [7, {"group": 8}]}]
)
def test_what_is_broken_is_shown_as_far_as_it_can_be(broken: Any) -> None:
    assert isinstance(typed_of(broken), Typed)


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"permission": "no permission"}, "permission"),
        ({"group": "x" * 151}, "group"),
        ({"resolver": "1"}, "resolver"),
        ({"quorum": "0"}, "quorum"),
        ({"quorum": "many"}, "quorum"),
        ({"quorum": "51"}, "quorum"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_is_wrong_stands_at_its_field(row: dict[str, str], part: str) -> None:
    field, fine = ApproversField(required=False), {"group": "Support"}
    rows = [
        {**dict.fromkeys(("permission", "group", "resolver", "quorum", "name"), ""), **each} for each in (fine, row)
    ]
    with pytest.raises(ValidationError, match="Row 2"):
        field.clean(Typed(rows=tuple(rows)))
    assert list(field.rows.wrong) == [(1, part)]


@pytest.mark.django_db
def test_the_form_says_who_may_decide() -> None:
    for name in ("Finance <b>", "Support"):
        Group.objects.create(name=name)
    boss = Client()
    boss.force_login(person("boss", *RIGHTS, is_staff=True))
    with open_office():
        support, finance = {"group": "Support"}, {"group": "Finance <b>", "quorum": "2", "name": "Money"}
        answer = boss.post(
            f"{PAGES}/approvalpolicy/add/", typed(**who(support, finance, four_eyes="yes"), answer="ask")
        )
        assert answer.status_code == 302, answer.context["errors"]
        row = ApprovalPolicy.objects.get()
        stages = [{"group": "Support"}, {"name": "Money", "group": "Finance <b>", "quorum": 2}]
        assert row.approvers == {"stages": stages, "four_eyes": True}
        page = boss.get(f"{PAGES}/approvalpolicy/{row.pk}/change/").content.decode()
        assert '<option value="Finance &lt;b&gt;">' in page
        assert '<option value="auth.view_group">' in page
        assert 'value="Money"' in page
        wrong = boss.post(f"{PAGES}/approvalpolicy/{row.pk}/change/", typed(**who({"quorum": "x"}), answer="ask"))
        assert wrong.status_code == 200
        assert 'aria-describedby="approvers-quorum-0-wrong"' in wrong.content.decode()
        misspelt = boss.post(f"{PAGES}/approvalpolicy/add/", typed(("amont", "equals", "1", "")))
        assert "amont" in misspelt.content.decode()
        fresh = boss.get(f"{PAGES}/approvalpolicy/add/").content.decode()
        assert "errornote" not in fresh, "what was wrong with another form"
        assert boss.post(f"{PAGES}/approvalpolicy/{row.pk}/change/", typed(answer="ask")).status_code == 302
        row.refresh_from_db()
        assert row.approvers is None, "as the tool says"
