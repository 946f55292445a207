"""Bodies: strict JSON of bounded size and depth, with every string fit to be stored."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from django.utils.translation import gettext
from pydantic import ValidationError
from pydantic_core import to_json
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from agents_app.api.bodies import Body
from agents_app.api.errors import BodyTooLarge
from agents_app.core.canonical import clean_json
from agents_app.definitions.validation import field_errors
from agents_app.exceptions import InvalidInput
from agents_app.services.json_values import DEPTH_LIMIT, depth_of

BODY_LIMIT = 8_000_000
"""Bytes."""

AnyBody = TypeVar("AnyBody", bound=Body)


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no numbers beyond a float. NUL and lone surrogates become U+FFFD."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The values. Raises ParseError and BodyTooLarge."""
        body = stream.read(BODY_LIMIT + 1)
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge(gettext("A request's body has at most %(most)s bytes.") % {"most": BODY_LIMIT})
        try:
            value = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        except RecursionError as error:
            raise ParseError(gettext("A body is nested at most %(most)s deep.") % {"most": DEPTH_LIMIT}) from error
        except ValueError as error:
            raise ParseError(gettext("The body is no valid JSON: %(why)s") % {"why": error}) from error
        if depth_of(value) > DEPTH_LIMIT:
            raise ParseError(gettext("A body is nested at most %(most)s deep.") % {"most": DEPTH_LIMIT})
        return clean_json(value)[0]


def body_of(data: Any, shape: type[AnyBody]) -> AnyBody:
    """The parsed body as this shape. Raises InvalidInput with what is wrong, and where."""
    if not isinstance(data, dict):
        raise InvalidInput(gettext("The body must be a JSON object."))
    try:
        return shape.model_validate_json(to_json(dict(data)), strict=True)
    except ValidationError as error:
        raise InvalidInput(gettext("The body cannot be used."), errors=field_errors(error)) from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is too large")
    return value
