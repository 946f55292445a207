"""An agent in a script of one file."""

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "agents_app"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    AGENTS_APP={"EXECUTOR": "immediate"},
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django has to be set up first

from agents_app import Agent, override_llm, register, tool  # noqa: E402
from agents_app.services import run_and_wait  # noqa: E402
from agents_app.testing import calls, script  # noqa: E402


@register
class Calculator(Agent[str]):
    """Calculates."""

    name = "calculator"

    @tool(effect="read")
    def multiply(self, a: int, b: int) -> int:
        """Multiply two numbers."""
        return a * b


call_command("migrate", verbosity=0)
with override_llm(
    Calculator, script(calls("multiply", a=6, b=7), lambda asked: f"The answer is {asked.messages[-1].content}.")
):
    run = run_and_wait(Calculator, "What is 6 times 7?")
print(f"{run.status}: {run.output}")  # noqa: T201
