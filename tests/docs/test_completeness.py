"""What the code has (statuses, events, settings, codes, names, …) is documented, and pages made from it are current."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

import pytest
from django.apps import apps

import agents_app
from agents_app import services, signals, testing
from agents_app.api import errors as api_errors
from agents_app.conf import conf
from agents_app.core.events import EVENTS, EventType
from agents_app.core.lifecycle import MOVES
from agents_app.core.status import Effect, StepKind, Verdict
from agents_app.definitions.problems import Code
from agents_app.definitions.tools import ToolOptions
from agents_app.llm.endpoint import PROVIDERS
from agents_app.llm.errors import RULES
from agents_app.ws.commands import COMMANDS
from agents_app.ws.sockets import CloseCode
from docs.generate import PAGES, REFERENCE
from tests.docs.markdown import DOCS, ROOT

pytestmark = pytest.mark.once

APP = ROOT / "agents_app"
MODULES = [path for path in APP.rglob("*.py") if "migrations" not in path.parts]


def page(name: str) -> str:
    return (DOCS / name).read_text()


def quoted(name: str) -> set[str]:
    """What a page shows as code."""
    return set(re.findall(r"`([^`\n]+)`", page(name)))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_made_from_code_are_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), "run scripts/docs"


@pytest.mark.parametrize("kind", [*MOVES, StepKind], ids=lambda kind: kind.__name__)
def test_statuses_are_documented(kind: type[StrEnum]) -> None:
    assert {str(status) for status in kind} <= quoted("reference/statuses.md")


def test_moves_are_documented() -> None:
    text = page("reference/statuses.md")
    moves = [move for kind, table in MOVES.items() if kind.__name__ != "RunStatus" for move in table]
    assert [move for move in moves if f"| `{move.source}` | `{move.target}` | {move.meaning} |" not in text] == []


def test_every_event_has_its_line_and_payload() -> None:
    assert set(EVENTS) == set(EventType)
    assert {str(event) for event in EventType} <= quoted("reference/events.md")
    for kind in EVENTS.values():
        assert f"### {kind.payload.__name__}\n" in page("reference/events.md")
        assert kind.meaning


def test_every_setting_has_a_meaning() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| .+? \| (.*) \|$", page("reference/settings.md"), re.MULTILINE))
    assert set(rows) == set(conf.names())
    assert [name for name, meaning in rows.items() if not meaning.strip()] == []


def test_every_command_is_documented() -> None:
    names = {path.stem for path in (APP / "management" / "commands").glob("agents_*.py")}
    assert len(names) >= 14
    assert {name for name in names if name not in page("reference/commands.md")} == set()


def codes() -> Iterator[str]:
    """Every code in the source: `code = "…"`, `code="…"`, `Fail("…")` and their like, and the tables of codes."""
    yield from (code for _, code, _ in RULES)
    yield from api_errors.CODES.values()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            yield from _codes_of(node)


def _codes_of(node: ast.AST) -> Iterator[str]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Call):
        found += [word.value for word in node.keywords if word.arg in ("code", "error_code")]
        if getattr(node.func, "id", "") in ("Fail", "_refusal", "error_response"):
            found += node.args[:2]
    if isinstance(node, ast.Assign) and any(
        getattr(name, "id", "") in ("code", "default_code") for name in node.targets
    ):
        found.append(node.value)
    for value in found:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and re.fullmatch("[a-z_]+", value.value):
            yield value.value


def test_every_code_is_documented() -> None:
    found = set(codes())
    assert {"not_found", "max_steps", "rate_limited", "unknown_command"} <= found
    assert found - quoted("reference/codes.md") == set()


def test_every_documented_code_is_in_the_source() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", page("reference/codes.md"), re.MULTILINE)
    documented = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    source = "".join(path.read_text() for path in MODULES)
    assert {code for code in documented if f'"{code}"' not in source} == set()


def test_every_check_is_documented() -> None:
    ids = {str(code) for code in Code}
    for path in MODULES:
        ids |= set(re.findall(r"agents_app\.[EWI]\d{3}", path.read_text()))
    assert ids - quoted("reference/checks.md") == set()
    assert {each for each in quoted("reference/checks.md") if re.fullmatch(r"agents_app\.[EWI]\d{3}", each)} == ids


def test_no_check_id_means_two_things() -> None:
    rows = re.findall(r"^\| `(agents_app\.[EWI]\d{3})` \|", page("reference/checks.md"), re.MULTILINE)
    assert [name for name, times in Counter(rows).items() if times > 1] == []


def test_every_permission_is_documented() -> None:
    own = {
        f"agents_app.{name}"
        for model in apps.get_app_config("agents_app").get_models()
        for name, _ in model._meta.permissions
    }
    used = {each for path in MODULES for each in re.findall(r'"(agents_app\.[a-z]+_[a-z]+)"', path.read_text())}
    asked = {each for each in used if re.match(r"agents_app\.(view|start|control|decide|settle|answer)_", each)}
    assert len(own) >= 7
    assert (own | asked) - quoted("reference/permissions.md") == set()


@pytest.mark.parametrize(
    ("heading", "module"),
    [(module.__name__, module) for module in (agents_app, services, signals, testing)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_public_api_is_what_all_says(heading: str, module: object) -> None:
    (section,) = re.findall(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page("reference/public-api.md"), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^\| `(\w+)[^|]*\| (.*) \|$", section, re.MULTILINE)
    exported: list[str] = module.__all__  # type: ignore[attr-defined]
    assert sorted(name for name, _ in rows) == sorted(exported)
    assert sorted(set(exported)) == sorted(exported)
    assert [name for name, meaning in rows if not meaning.strip()] == []
    for name in exported:
        assert getattr(module, name) is not None


def test_tool_options_and_effects_are_documented() -> None:
    shown = quoted("how-to/tools-and-effects.md")
    assert set(ToolOptions.__annotations__) <= shown
    assert {str(effect) for effect in Effect} <= shown


def test_verdicts_on_unknown_outcomes_are_documented() -> None:
    text = page("how-to/unknown-outcomes.md")
    assert all(str(verdict) in text for verdict in (Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP))


def test_providers_are_documented() -> None:
    assert set(PROVIDERS) <= quoted("how-to/real-llms.md")


def test_websocket_commands_and_close_codes_are_documented() -> None:
    text = page("reference/websocket.md")
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []
    assert [int(code) for code in CloseCode if int(code) >= 4000 and str(int(code)) not in text] == []


def test_every_rest_address_is_documented() -> None:
    text = page("reference/rest.md")
    addresses = re.findall(r'path\("([^"]+)"', (APP / "urls.py").read_text())
    plain = {re.sub(r"<\w+:(\w+)>", "…", address) for address in addresses}
    known = re.sub(r"<[^>]+>|\{[^}]+\}", "…", text)
    assert {address for address in plain if address not in known} == set()


def test_every_word_of_the_models_is_in_the_glossary() -> None:
    glossary = page("glossary.md").lower()
    names = {model._meta.verbose_name for model in apps.get_app_config("agents_app").get_models()}
    kept_inside = {"run details", "partial reply", "stored response"}
    assert {str(name) for name in names - kept_inside if f"**{name}**".lower() not in glossary} == set()


def test_the_modules_are_in_the_architecture() -> None:
    text = page("explanation/architecture.md")
    folders = {path.name for path in APP.iterdir() if (path / "__init__.py").exists()}
    folders -= {"migrations"}
    assert {name for name in folders if f"`{name}`" not in text} == set()


def test_pages_are_named_in_the_index() -> None:
    index = page("index.md")
    paths = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"index.md"}
    assert {path for path in paths if f"({path})" not in index} == set()
