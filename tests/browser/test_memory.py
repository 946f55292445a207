"""What agents remember, seen and corrected: in light and dark, on a screen and on a phone."""

from typing import Any

import pytest
from django.urls import reverse

from agents_app.core.memory import MemoryOrigin, Owner
from agents_app.memory import entities, facts
from agents_app.memory.history import Author

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("phone", "dark")])
def test_a_fact_is_corrected(people: Any, visit: Any, size: str, scheme: str) -> None:
    author = Author(origin=MemoryOrigin.TOOL, origin_detail="lookup_order", agent="till", step=3)
    owner = Owner(user=str(people["viewer"].pk))
    row = facts.remember(owner, "Prefers e-mail. " * 12, key="contact_channel", author=author, user_name="viewer").row
    other = entities.remember_entity(owner, "company", "Acme Inc.", attributes={"city": "Bern"}, author=author).row
    people["lead"].is_superuser = True
    people["lead"].save()
    visitor = visit("lead", size=size, color_scheme=scheme)
    visitor.open(reverse("admin:agents_app_fact_changelist"))
    visitor.shoot(f"facts-{size}-{scheme}")
    visitor.assert_accessible()
    page = visitor.open(reverse("admin:agents_app_fact_change", args=[row.pk]))
    visitor.shoot(f"fact-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_label("Text", exact=True).fill("Prefers to be called.")
    page.get_by_role("button", name="Correct").click()
    page.get_by_text("It is corrected.").wait_for()
    visitor.open(reverse("admin:agents_app_entity_change", args=[other.pk]))
    visitor.shoot(f"entity-{size}-{scheme}")
    visitor.assert_accessible()
