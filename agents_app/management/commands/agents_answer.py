"""manage.py agents_answer"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, json_or_text, person
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.selectors.people import visible_inputs
from agents_app.services import answer_input


class Command(AgentsCommand):
    help = "Answer an agent's question. The answer is a text; where the question has a schema, JSON (or else a text)."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("request", help="The input request's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument("answer", help="The answer.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        request = find(visible_inputs(user), options["request"])
        answer = options["answer"] if request.schema is None else json_or_text(options["answer"])
        answer_input(request.pk, answer, by=user)
        self.console.line(f"Answered by {user.get_username()}.", style="SUCCESS")
        self.console.line(f"How it goes on: manage.py agents_show {request.context_id} --watch")
        return None
