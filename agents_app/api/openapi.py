"""The OpenAPI description: our shapes as components, and what every operation says about itself."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel, create_model

from agents_app.api.errors import ErrorShape
from agents_app.api.idempotency import HEADER
from agents_app.selectors.shapes import Shape

TAG = "agents"
COMPONENTS = "#/components/schemas/"
MEANINGS = {
    400: "What was sent cannot be used.",
    401: "Nobody is logged in.",
    403: "You may see this, but not do it.",
    404: "There is no such thing, or you may not see it.",
    409: "The state of things does not allow it now; or a request with this idempotency key is under way.",
    410: "The time to do it is over; or the run was archived.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests; Retry-After says when to come again.",
}
EVERY = (401, 403, 429)
OF_COMMANDS = (400, 413, 415)
View = TypeVar("View", bound=Callable[..., Any])


def operation(
    name: str,
    summary: str,
    *,
    answer: type[BaseModel],
    status: int = 200,
    body: type[BaseModel] | None = None,
    errors: Iterable[int] = (),
    path: Sequence[str] = (),
    parameters: Sequence[OpenApiParameter] = (),
    example: dict[str, Any] | None = None,
    filters: bool = False,
    idempotent: bool = True,
) -> Callable[[View], View]:
    """Describe one operation. name: its operationId, which stays. path: names of ids in the path."""
    keys = [OpenApiParameter(each, UUID, OpenApiParameter.PATH) for each in path]
    header = [IDEMPOTENCY_KEY] if body is not None and idempotent else []
    codes = {*EVERY, *errors, *(OF_COMMANDS if body is not None else ())}
    responses: dict[int, Any] = {status: answer}
    responses |= {code: OpenApiResponse(ErrorShape, MEANINGS[code], [ERRORS[code]]) for code in sorted(codes)}
    examples = [OpenApiExample(summary, value=example, request_only=True)] if example is not None else None
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=[TAG],
        request=body,
        responses=responses,
        parameters=[*keys, *parameters, *header],
        examples=examples,
        filters=filters,
    )


IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Repeating a request with the same key acts once and answers the same; with another body it is a 400.",
)
PAGING = (
    OpenApiParameter("cursor", str, description="From `next` or `previous` of a page."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 25}),
)


def _error_example(status: int, code: str) -> OpenApiExample:
    content = {"code": code, "message": MEANINGS[status], "details": {}}
    return OpenApiExample(code, value={"error": content}, response_only=True, status_codes=[str(status)])


ERRORS = {
    status: _error_example(status, code)
    for status, code in {
        400: "invalid_input",
        401: "not_authenticated",
        403: "not_permitted",
        404: "not_found",
        409: "wrong_state",
        410: "expired",
        413: "too_large",
        415: "unsupported_media_type",
        429: "throttled",
    }.items()
}


@cache
def page_of(shape: type[Shape]) -> type[BaseModel]:
    """A page of such rows."""
    name = shape.__name__.removesuffix("Shape") + "PageShape"
    return create_model(
        name,
        __doc__="One page.",
        next=(str | None, ...),
        previous=(str | None, ...),
        results=(list[shape], ...),  # type: ignore[valid-type]
    )


@cache
def all_of(shape: type[Shape]) -> type[BaseModel]:
    """All such rows."""
    name = shape.__name__.removesuffix("Shape") + "ListShape"
    return create_model(name, __doc__="All of them.", results=(list[shape], ...))  # type: ignore[valid-type]


def component_name(name: str) -> str:
    """How a class is called in the description: unlike what a project's own components are called."""
    plain = name.removesuffix("Shape")
    return plain if plain.startswith("Agent") else f"Agent{plain}"


class ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # the library's
    """Our pydantic classes as components, in the dialect of the OpenAPI version that the project has chosen."""

    target_class = "pydantic.BaseModel"
    match_subclasses = True
    priority = 1

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return bool(super()._matches(target)) and target.__module__.startswith("agents_app.")

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        """The component's name."""
        # Nested ones are registered by their name, whole ones by their class: the same thing under two identities.
        set_override(self.target, "suppress_collision_warning", True)
        return component_name(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        """The component, and those that it refers to."""
        mode: Any = "validation" if direction == "request" else "serialization"
        schema = self.target.model_json_schema(ref_template=COMPONENTS + "{model}", mode=mode)
        for name, part in schema.pop("$defs", {}).items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]  # the library's
                name=component_name(name), type=ResolvedComponent.SCHEMA, object=name, schema=in_dialect(part)
            )
            auto_schema.registry.register_on_missing(component)
        return in_dialect(schema)


def in_dialect(schema: Any) -> Any:
    """Names as `component_name` makes them, no invented titles, and for OpenAPI 3.0 `nullable` for type null."""
    if isinstance(schema, list):
        return [in_dialect(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("title"), str):
        schema = {name: value for name, value in schema.items() if name != "title"}
    if "$ref" in schema:
        schema = {**schema, "$ref": COMPONENTS + component_name(schema["$ref"].removeprefix(COMPONENTS))}
    schema = {name: in_dialect(value) for name, value in schema.items()}
    return schema if spectacular_settings.OAS_VERSION.startswith("3.1") else _nullable(schema)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    choices = schema.get("anyOf", [])
    if {"type": "null"} not in choices:
        return schema
    rest = [each for each in choices if each != {"type": "null"}]
    outer = {name: value for name, value in schema.items() if name != "anyOf"}
    if len(rest) == 1 and "$ref" not in rest[0]:
        return {**rest[0], **outer, "nullable": True}
    return {**outer, "allOf" if len(rest) == 1 else "anyOf": rest, "nullable": True}
