"""Opens the desk under the theme of the settings, and decides there. A program of its own: it sets up Django."""

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - Django has to be set up first
from django.contrib.auth.models import Group  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from agents_app.definitions.registry import registry  # noqa: E402
from agents_app.models import ApprovalRequest  # noqa: E402
from agents_app.services import save_policy, start_run  # noqa: E402
from agents_app.testing import AgentsKit  # noqa: E402
from tests.admin.till import PlannedLLM, Till  # noqa: E402

BASE = "/admin/agents_app/"


def look(client: Client, path: str, *texts: str) -> str:
    """The page, which says all of this under the theme."""
    answer = client.get(BASE + path)
    page = answer.content.decode()
    assert answer.status_code == 200, path
    assert "/unfold/" in page, "the theme is there"
    assert "agents_app/admin.css" in page, path
    for text in texts:
        assert text in page, f"{path}: {text}"
    return page


def main() -> None:
    boss = get_user_model().objects.create_superuser("boss", password="pw")
    customer = get_user_model().objects.create_user("customer")
    Group.objects.create(name="friends")
    client = Client()
    client.force_login(boss)
    with registry.override(Till), AgentsKit.opened() as kit:
        kit.scripted_llm(Till, PlannedLLM())  # type: ignore[arg-type]
        run = start_run("till", "refund", user=customer)
        kit.run_until_idle()
        policy = save_policy({"name": "small ones", "tool": "refund", "answer": "ask"}, by=boss)
        request = ApprovalRequest.objects.get()
        look(client, "approvalrequest/", "Pay 120 EUR back to friends", "data-inbox", "data-notify")
        look(client, f"approvalrequest/{request.pk}/change/", "data-approve", "data-reject", "aa-follows")
        look(client, "agentcontext/", "Waiting for approval")
        look(client, f"agentcontext/{run.id}/change/", "What happened", "aa-timeline", "Cancel the run")
        look(client, f"approvalpolicy/{policy.pk}/change/", "aa-conditions", "Try it in a new tab")
        look(client, "killswitch/off/", "Switch off")
        address = f"{BASE}approvalrequest/{request.pk}/change/"
        arguments = {"argument-group": "friends", "argument-amount": "120"}
        decision = {"digest": request.call.digest, "_approve": "1", **arguments}
        assert "You approved it." in client.post(address, decision, follow=True).content.decode()
    print("as it should be")  # noqa: T201 - what the test waits for


if __name__ == "__main__":
    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, keepdb=True)  # the copy of a migrated one, if there is
    try:
        with override_settings(ROOT_URLCONF="tests.admin.urls"):
            main()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
