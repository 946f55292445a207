"""One text for one value: what an approval is about, what its digest covers, and what dispatch parses.

The style is RFC 8785: keys sorted by UTF-16 code units, no spaces, no NaN. Decimals are strings of plain digits
(a JSON number would come back as a float), whole floats are written as integers, sets are sorted.

Whole floats from 1e21 on are written as RFC 8785 says, `1e+21`, and integers digit by digit: `1e21` and `10**21` have
two texts where the schema does not say which of the two a number is. It stays so: hash chains are verified by making
these texts again from stored values, which must come out as they did.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
"""What JSON can say, as Python values."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MAX_DECIMAL_EXPONENT = 400
"""Decimals beyond 10**±400 are refused: in plain digits they could fill the memory."""


_quoted = json.JSONEncoder(ensure_ascii=False).encode


def canonical_text(value: Any) -> str:
    """The canonical JSON text of a pydantic object or of JSON-like values, with secrets revealed.

    Raises ValueError for what has no such text: NaN and infinities, lone surrogates, two keys that are written alike,
    types that pydantic cannot serialise.
    """
    text = _text(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text with lone surrogates cannot be stored") from None
    return text


def digest(run_id: object, call_id: object, tool: str, schema_hash: str, text: str) -> str:
    """SHA-256 (hex) over what exactly is approved; `text` is the canonical text of the arguments."""
    return sha256_of([str(run_id), str(call_id), tool, schema_hash, text])


def sha256_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical text of a JSON-like value."""
    return hashlib.sha256(canonical_text(value).encode()).hexdigest()


def clean_text(text: str) -> tuple[str, bool]:
    """The text with NUL and lone surrogates replaced by U+FFFD, and whether anything was replaced.

    PostgreSQL stores neither of them.
    """
    cleaned = text.replace("\x00", REPLACEMENT)
    try:
        cleaned.encode()
    except UnicodeEncodeError:
        cleaned = "".join(REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in cleaned)
    return cleaned, cleaned != text


def clean_json(value: JSON) -> tuple[JSON, bool]:
    """The same for every string in a JSON value, keys included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        items = [clean_json(item) for item in value]
        return [item for item, _ in items], any(changed for _, changed in items)
    if isinstance(value, dict):
        pairs = [(clean_text(key), clean_json(item)) for key, item in value.items()]
        changed = any(key[1] or item[1] for key, item in pairs)
        return {key[0]: item[0] for key, item in pairs}, changed
    return value, False


def _text(value: Any) -> str:
    if isinstance(value, BaseModel):
        return _text(value.model_dump(mode="python", by_alias=True, round_trip=True, warnings=False))
    if isinstance(value, Enum):
        return _text(value.value)
    if value is None or isinstance(value, bool | int | float | Decimal | str):
        return _scalar(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Set):
        return f"[{','.join(sorted(_text(item) for item in value))}]"
    if isinstance(value, list | tuple):
        return f"[{','.join(_text(item) for item in value)}]"
    return _text(_plain(value))


def _scalar(value: float | Decimal | str | None) -> str:
    if isinstance(value, Decimal):
        return f'"{_plain_digits(value)}"'
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _quoted(str(value))
    return json.dumps(value)


def _object(value: Mapping[Any, Any]) -> str:
    members = [(_key(key), item) for key, item in value.items()]
    members.sort(key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
    if len({key for key, _ in members}) < len(members):
        raise ValueError("two keys of an object are written alike")
    return "{" + ",".join(f"{_scalar(key)}:{_text(item)}" for key, item in members) + "}"


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    text = _text(key)
    return str(json.loads(text)) if text.startswith('"') else text


def _plain(value: Any) -> Any:
    """A value of another type as one that JSON knows; dates keep the offset they have."""
    if isinstance(value, SecretStr | SecretBytes):
        return value.get_secret_value()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    plain = to_jsonable_python(value, by_alias=True, round_trip=True)
    if plain is value:
        raise ValueError(f"{type(value).__name__} has no JSON text")
    return plain


def _plain_digits(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if value == 0:
        return "0"
    if abs(value.adjusted()) > MAX_DECIMAL_EXPONENT:
        raise ValueError("a number of this size cannot be written in plain digits")
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _float(value: float) -> str:
    """A float the way ECMAScript writes it, which RFC 8785 asks for."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    mantissa, exponent_sign, exponent = repr(value).partition("e")
    if not exponent_sign:
        return mantissa
    if -7 < int(exponent) < 0:
        return format(Decimal(repr(value)), "f")
    return f"{mantissa}e{int(exponent):+d}"
