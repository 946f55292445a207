"""The page about REST, from the OpenAPI description. `docs/generate.py` writes it with the others."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator

from agents_app.api.errors import CODES, BodyTooLarge
from agents_app.api.pagination import LARGEST_PAGE, PAGE_SIZE
from agents_app.api.parsing import BODY_LIMIT, DEPTH_LIMIT
from agents_app.api.throttling import RATES
from agents_app.exceptions import Archived, Expired, InvalidInput, LLMError, NotFound, NotPermitted, WrongState

NOTE = "<!-- Made from the code by scripts/docs. Change the code, not this page. -->"
PREFIX = "/api/"
INTRODUCTION = f"""\
JSON in, JSON out. `path("api/", include("agents_app.urls"))` puts it below `/api/`; addresses end with a slash but
for the stream. `schema/` is the OpenAPI description (YAML, or JSON with `Accept:
application/vnd.oai.openapi+json`), and `runs/{{run_id}}/events/stream` the events as they come (server-sent events,
with the frames of the [websocket](websocket.md); `Last-Event-ID` or `?after=N` resumes). A guide with examples is
[over REST](../how-to/rest.md). `push/` takes [signed wake-ups](../how-to/http-push.md) from queues, and
is no part of the API.

- **Login**: the project's own DRF authentication, or `AGENTS_APP["API_AUTHENTICATION_CLASSES"]`.
- **401** nobody is logged in · **403** you may see it, but not do it · **404** it is not there, or you may not see
  it. Who may what: [permissions](permissions.md). What you may not read is `null`, and `content_hidden` or
  `sensitive_hidden` says so.
- **Pages**: `next` and `previous` are addresses; `limit` is {PAGE_SIZE} unless you say otherwise, at most
  {LARGEST_PAGE}.
- **`Idempotency-Key`** on a POST: repeating it acts once and answers the same, with `Idempotency-Replayed: true`.
  The same key with another request is `idempotency_conflict` (400), one that is still under way
  `idempotency_in_progress` (409). What failed is not kept: send it again with the same key.
- **`?wait=N`** when starting (0 to 30 seconds): the answer comes when the run has ended or waits for people, else
  after N seconds.
- **Bodies** are objects in UTF-8, at most {BODY_LIMIT:,} bytes and {DEPTH_LIMIT} levels deep; unknown fields are
  errors. NUL and lone surrogates become U+FFFD. Amounts are strings.
- **Rates** per user, in Django's cache: {", ".join(f"`{name}` {rate}" for name, rate in RATES.items())}.
  `REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]` changes each by its name; `None` lifts it."""


def rest_page() -> str:
    """The whole page."""
    schema: dict[str, Any] = SchemaGenerator(patterns=[path("api/", include("agents_app.urls"))]).get_schema(  # type: ignore[no-untyped-call]
        request=None, public=True
    )
    components = schema["components"]["schemas"]
    operations = [
        (method, address.removeprefix(PREFIX), operation)
        for address, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [
        NOTE,
        "# REST",
        INTRODUCTION,
        "## Operations",
        table(("", "Address", "What", "Id"), (_operation(*each) for each in operations)),
        "## In the address",
        table(("Address", "Parameter", "Values", "Meaning"), _parameters(operations, components)),
        "## Bodies",
        table(("Body", "Field", "Type", "Meaning"), _bodies(operations, components)),
        "## Answers",
        *_answers(components, {_body_name(each) for _, _, each in operations if "requestBody" in each}),
        "## Errors",
        'Always `{"error": {"code", "message", "details"}}`. All codes: [codes](codes.md). The plain ones:',
        table(("Code", "Status"), sorted(set(_codes()))),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _operation(method: str, address: str, operation: dict[str, Any]) -> tuple[str, ...]:
    what = f"{operation['summary']}. {' '.join(operation['description'].split())}"
    return method.upper(), f"`{address}`", what, f"`{operation['operationId']}`"


def _parameters(operations: list[Any], components: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for method, address, operation in operations:
        for each in operation.get("parameters", []):
            if each["in"] == "query" and each["name"] not in ("cursor", "limit"):
                meaning = each.get("description", "")
                # For several values the library lists them once more.
                shown = "" if meaning.startswith("* ") else meaning
                yield f"{method.upper()} `{address}`", f"`{each['name']}`", _type(each["schema"], components), shown


def _bodies(operations: list[Any], components: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for _, address, operation in operations:
        if "requestBody" not in operation:
            continue
        body = components[_body_name(operation)]
        required = body.get("required", [])
        for name, schema in body.get("properties", {}).items():
            marked = f"**`{name}`**" if name in required else f"`{name}`"
            yield f"`{address}`", marked, _type(schema, components), schema.get("description", "")


def _answers(components: dict[str, Any], bodies: set[str]) -> Iterator[str]:
    yield "A list answers a page of them. Times are ISO 8601 with offset, ids are UUIDs, null is said where it may be."
    for name, shape in components.items():
        if "properties" not in shape or name in bodies or name.endswith(("Page", "List")) or "Error" in name:
            continue
        yield f"### {name}"
        yield shape["description"]
        fields = shape["properties"].items()
        rows = ((f"`{field}`", _type(each, components), each.get("description", "")) for field, each in fields)
        yield table(("Field", "Type", "Meaning"), rows)


def _body_name(operation: dict[str, Any]) -> str:
    return _name(operation["requestBody"]["content"]["application/json"]["schema"])


def _type(schema: dict[str, Any], components: dict[str, Any]) -> str:
    if "$ref" in schema or "allOf" in schema:
        name = _name(schema)
        if name == "AgentEventType":
            return "[event](events.md)"
        return _type(components[name], components) if "enum" in components[name] else f"`{name}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return _type(schema["items"], components) + "; several"
    text = str(schema.get("format") or schema.get("type") or "any JSON")
    if "maximum" in schema:
        most = schema["maximum"]
        text += f" from {schema['minimum']}" + (f" to {most:g}" if most < 10**6 else "")
    return text + (" or null" if schema.get("nullable") else "")


def _name(schema: dict[str, Any]) -> str:
    reference: str = schema["$ref"] if "$ref" in schema else schema["allOf"][0]["$ref"]
    return reference.rsplit("/", 1)[-1]


def _codes() -> Iterator[tuple[str, str]]:
    for error, code in {**CODES, BodyTooLarge: BodyTooLarge.default_code}.items():
        yield f"`{code}`", str(error.status_code)  # type: ignore[attr-defined]
    for error in (InvalidInput, NotPermitted, Archived, NotFound, Expired, WrongState, LLMError):
        yield f"`{error.code}`", f"{error.http_status}"
    yield "`unavailable`", "503"
    yield "`server_error`", "500"
