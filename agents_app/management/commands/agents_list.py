"""manage.py agents_list"""

from typing import Any

from agents_app.conf import conf
from agents_app.definitions.registry import registry
from agents_app.management.base import AgentsCommand
from agents_app.management.exits import Exit
from agents_app.selectors.presentation import agent_as_dict


class Command(AgentsCommand):
    help = "List the agents of this project, with their tools and what those need."
    reads = True

    def act(self, **options: Any) -> Exit | None:
        agents = [agent_as_dict(definition) for definition in registry.all()]
        if options["json"]:
            self.print_json(agents)
            return None
        for agent in agents:
            self._show(agent)
        if not agents:
            self.console.text("No agent is registered. Write one in an app's agents.py and decorate it with @register.")
        broken = len(registry.classes()) - len(agents)
        if broken:
            self.console.text(f"{broken} more cannot be used: manage.py check says why.", style="WARNING")
        return None

    def _show(self, agent: dict[str, Any]) -> None:
        console = self.console
        console.line(agent["name"], style="MIGRATE_HEADING")
        if agent["description"]:
            console.text(agent["description"], indent=2)
        limit = f", {agent['timeout']:g} s" if agent["timeout"] else ""
        asks = " · may ask its user" if agent["asks_user"] else ""
        console.text(
            f"LLM {agent['llm'] or conf.DEFAULT_LLM} · at most {agent['max_steps']} steps{limit}{asks}", indent=2
        )
        width = max((len(tool["name"]) for tool in agent["tools"]), default=0)
        for tool in agent["tools"]:
            console.line(f"{tool['name']:<{width}}  {_facts(tool)}", indent=4)
        console.line()


def _facts(tool: dict[str, Any]) -> str:
    facts = [tool["effect"]]
    if tool["needs_approval"] != "never":
        facts.append(f"{tool['needs_approval']} needs approval")
    if tool["permission"]:
        facts.append(f"by people with {tool['permission']}")
    return " · ".join(facts)
