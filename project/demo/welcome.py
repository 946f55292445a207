"""What the demo says when it is ready."""

from agents_app.conf import conf
from project.demo.people import PEOPLE

OFFLINE = """\
LLM      The offline demo LLM: rules over words, NOT intelligent. For a real one set
         OPENAI_API_KEY, OPENAI_BASE_URL or ANTHROPIC_API_KEY (and AGENTS_LLM, like openai:qwen3)."""


def is_offline() -> bool:
    """Whether the agents run on the demo LLM."""
    return bool(conf.DEFAULT_LLM == "demo")


def welcome(address: str) -> str:
    """Address, users, and what to try."""
    people = "\n".join(f"           {person.username:<9}  {person.purpose}" for person in PEOPLE)
    llm = OFFLINE if is_offline() else f"LLM      {conf.DEFAULT_LLM}"
    return f"""
The demo is running.  {address}/   (Ctrl-C ends it)

{llm}

Log in   The password is the user name:
{people}

Try      1. As customer, at {address}/
            It began with three runs: answered, waiting for approval, and asking you. Answer “A-1003”.
         2. As approver (in a private window), at {address}/admin/agents_app/approvalrequest/
            Open the refund of 120 EUR, change it to 100, approve, and see both pages go on.
         3. In another terminal:
            .venv/bin/python manage.py agents_inbox
            .venv/bin/python manage.py agents_approve ID --set amount=100 --as approver
            curl -u approver:approver {address}/api/approvals/
         4. Begin anew: scripts/demo --reset
"""
