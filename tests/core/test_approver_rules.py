"""Who may decide, as it is declared and as it is stored."""

import pytest

from agents_app.core.approver_rules import ANYBODY, Approvers, Stage, read_approvers

TWO = Approvers(stages=[Stage(name="Support", group="Leads"), Stage(permission="shop.pay", quorum=2)], four_eyes=True)


@pytest.mark.once
@pytest.mark.parametrize(
    "rule",
    [
        ANYBODY,
        Approvers(permission="shop.refund_order", group="Finance", resolver="order_owner", quorum=3, four_eyes=False),
        TWO,
    ],
    ids=["anybody", "one stage", "two stages"],
)
def test_what_is_stored_comes_back(rule: Approvers) -> None:
    assert not rule.problems()
    found = read_approvers(rule.as_json())
    assert (found.ordered(), found.four_eyes) == (rule.ordered(), rule.four_eyes)


@pytest.mark.once
def test_only_what_was_said_is_stored() -> None:
    assert ANYBODY.as_json() == {}
    assert Approvers(group="Finance").as_json() == {"group": "Finance"}
    assert TWO.as_json() == {
        "stages": [{"name": "Support", "group": "Leads"}, {"permission": "shop.pay", "quorum": 2}],
        "four_eyes": True,
    }


@pytest.mark.once
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Approvers(quorum=0), "quorum"),
        (Approvers(quorum=True), "quorum"),
        (Approvers(permission="refund"), "permission"),
        (Approvers(group=" "), "group"),
        (Approvers(resolver="no name"), "resolver"),
        (Approvers(four_eyes="yes"), "four_eyes"),  # type: ignore[arg-type]
        (Approvers(stages=[Stage()], group="Finance"), "stand in each"),
        (Approvers(stages=[Stage(), Stage(quorum=-1)]), "Stage 2"),
        (Approvers(stages=["Finance"]), "stages"),  # type: ignore[list-item]
        (Approvers(stages=[Stage()] * 11), "at most"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(rule: Approvers, words: str) -> None:
    assert words in " ".join(rule.problems())


@pytest.mark.once
@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "Finance",
        {"groups": "Finance"},
        {"quorum": "2"},
        {"quorum": 0},
        {"stages": [{"group": 5}]},
        {"stages": [{"rank": "x"}]},
        {"group": object()},
    ],
    ids=range(9),
)
def test_other_json_is_refused_with_words(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_approvers(value)


@pytest.mark.once
def test_four_eyes_follow_the_installation_where_nothing_is_said() -> None:
    assert ANYBODY.with_four_eyes(True).four_eyes
    assert not Approvers(four_eyes=False).with_four_eyes(True).four_eyes


@pytest.mark.once
def test_a_stage_has_a_name_for_people() -> None:
    assert [stage.label for stage in TWO.ordered()] == ["Support", "shop.pay"]
    assert Stage().label
