"""How the demo LLM fills the parameters of a function from the facts, by names and types of the JSON schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents_app.llm.demo_facts import EMAIL, ORDER_NUMBER, Facts, words

REFERENCE = re.compile(r"(^|_)(number|order|reference|code|id)(_|$)")
MONEY = re.compile(r"amount|refund|price|total|sum|value")
ADDRESS = re.compile(r"^(to|email|recipient|address)$|email")
DEPTH = 6
"""How deep a nested schema is filled; a recursive one ends there."""


class Missing(Exception):
    """A parameter that cannot be filled; `question` is what to ask the user."""

    def __init__(self, question: str) -> None:
        self.question = question
        super().__init__(question)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filler:
    """Fills schemas. `text` is what goes into free texts; `strict`: raise `Missing` instead of making things up."""

    facts: Facts
    text: str
    strict: bool
    amount: Decimal | None
    definitions: Mapping[str, Any]

    def fill(self, schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        """Values for the required parameters, and for the optional ones of which the facts say something."""
        schema = self._resolved(schema)
        required = schema.get("required", ())
        filled: dict[str, Any] = {}
        for name, raw in schema.get("properties", {}).items():
            parameter = self._resolved(raw)
            if name in required:
                filled[name] = self._value(name, parameter, depth)
            elif (known := self._known(name, parameter)) is not None:
                filled[name] = known
        return filled

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema behind references; of alternatives the first that is not null."""
        for _ in range(DEPTH):
            if "$ref" in schema:
                schema = {**self.definitions.get(schema["$ref"].rsplit("/", 1)[-1], {}), **_without(schema, "$ref")}
            elif len(schema.get("allOf", ())) == 1:
                schema = {**schema["allOf"][0], **_without(schema, "allOf")}
            elif choices := [one for one in schema.get("anyOf", schema.get("oneOf", ())) if one.get("type") != "null"]:
                textual = any(one.get("type") == "string" for one in choices)
                schema = {**choices[0], **_without(schema, "anyOf", "oneOf"), "decimal": textual}
            else:
                break
        return schema

    def _known(self, name: str, schema: Mapping[str, Any]) -> Any:
        """What the facts say of this parameter; None if nothing."""
        if "enum" in schema:
            return next((one for one in schema["enum"] if str(one).lower().removesuffix("s") in self._words), None)
        if schema.get("type") in ("number", "integer"):
            known = self.amount if MONEY.search(name) else None
            return None if known is None else _number(known, schema)
        if schema.get("type") != "string":
            return None
        if MONEY.search(name) and self.amount is not None and "pattern" in schema:
            return f"{self.amount:f}"
        if ADDRESS.search(name):
            return self.facts.find(EMAIL)
        return self.facts.find(ORDER_NUMBER) if REFERENCE.search(name) else None

    @property
    def _words(self) -> frozenset[str]:
        return words(self.facts.input)

    def _value(self, name: str, schema: Mapping[str, Any], depth: int) -> Any:
        known = self._known(name, schema)
        if known is not None:
            return known
        if "const" in schema or schema.get("enum"):
            return schema["const"] if "const" in schema else schema["enum"][0]
        match schema.get("type"):
            case "string":
                return self._text(name, schema)
            case "number" | "integer":
                return self._made_up_number(name, schema)
            case "boolean":
                return bool(words(name.replace("_", " ")) & self._words)
            case "array":
                return self._items(name, schema, depth)
            case "object" if depth < DEPTH:
                return self.fill(schema, depth + 1)
        return None

    def _items(self, name: str, schema: Mapping[str, Any], depth: int) -> list[Any]:
        wanted = min(schema.get("minItems", 0), 10) if depth < DEPTH else 0
        return [self._value(name, self._resolved(schema.get("items", {})), depth + 1) for _ in range(wanted)]

    def _text(self, name: str, schema: Mapping[str, Any]) -> str:
        if self.strict and REFERENCE.search(name):
            what = "order" if "order" in self.facts.input.lower() or name == "number" else name.replace("_", " ")
            raise Missing(f"Which {what} is it about? Please tell me its number (like A-1001).")
        if self.strict and ADDRESS.search(name):
            raise Missing("Which e-mail address shall I write to?")
        if schema.get("format") in ("date", "date-time"):
            return "2000-01-01" if schema["format"] == "date" else "2000-01-01T00:00:00Z"
        return self.text[: schema.get("maxLength", 10_000)]

    def _made_up_number(self, name: str, schema: Mapping[str, Any]) -> Any:
        if self.strict and MONEY.search(name):
            raise Missing("Which amount is it about? Please tell me a sum (like 20 EUR).")
        lowest = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        return _number(Decimal(str(max(lowest, 0))), schema)


def filled(
    schema: Mapping[str, Any], facts: Facts, text: str, *, strict: bool, amount: Decimal | None
) -> dict[str, Any]:
    """Arguments for a function with this schema of parameters. Raises `Missing` if `strict`."""
    filler = Filler(facts=facts, text=text, strict=strict, amount=amount, definitions=schema.get("$defs", {}))
    return filler.fill(schema)


def _number(value: Decimal, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "integer":
        return int(value)
    if schema.get("decimal"):  # a Decimal takes texts too, and loses nothing by them
        return f"{value:f}"
    return int(value) if value == value.to_integral_value() else float(value)


def _without(schema: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}
