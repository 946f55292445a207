"""Conditions as rows of a form: the field, how it is compared, with what. Works without scripts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.displays import Words
from agents_app.core.conditions import LISTS, VALUELESS, WORDS, Operator
from agents_app.core.json_paths import Kind, Place, parse_path, place_at

EMPTY_ROWS = 3
PARTS = ("path", "operator", "value", "items")
ITEMS: Mapping[str, Words] = {"": "–", "any": gettext_lazy("any item"), "all": gettext_lazy("every item")}


class ConditionRows(forms.Widget):
    """One row for each condition, and some empty ones; a row whose field is emptied is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[tuple[str, str]] = []
        self.wrong: dict[int, list[str]] = {}

    def __deepcopy__(self, memo: Any) -> "ConditionRows":
        """Each form has its own: Django copies of a widget only the attributes."""
        made: ConditionRows = super().__deepcopy__(memo)
        made.paths, made.wrong = [], {}
        return made

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """The rows as they were typed."""
        given = data if isinstance(data, MultiValueDict) else MultiValueDict()
        columns = [given.getlist(f"{name}-{part}") for part in PARTS]
        rows = [dict(zip(PARTS, row, strict=True)) for row in zip(*columns, strict=False)]
        return [row for row in rows if row["path"].strip() or row["value"].strip()]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-path" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        rows = [_typed(row) for row in value or []] + [dict.fromkeys(PARTS, "")] * EMPTY_ROWS
        options = format_html_join("", '<option value="{}">{}</option>', self.paths)
        shown = format_html_join("", "{}", ((self._row(name, place, row),) for place, row in enumerate(rows)))
        return format_html(
            '<datalist id="{}-paths">{}</datalist><div class="aa-rows"><table class="aa-conditions"><thead><tr>'
            "{}</tr></thead><tbody>{}</tbody></table></div>",
            name,
            options,
            format_html_join("", "<th>{}</th>", ((text,) for text in _headings().values())),
            shown,
        )

    def _row(self, name: str, place: int, row: Mapping[str, str]) -> SafeString:
        number = {"number": place + 1}
        wrong = format_html_join("", '<div class="errornote">{}</div>', ((text,) for text in self.wrong.get(place, [])))
        return format_html(
            '<tr><td data-label="{head_path}">{wrong}<input name="{name}-path" value="{path}" list="{name}-paths" '
            'maxlength="200" aria-label="{field}"></td><td data-label="{head_operator}">{operator}</td>'
            '<td data-label="{head_value}"><input name="{name}-value" value="{value}" aria-label="{given}"></td>'
            '<td data-label="{head_items}">{items}</td></tr>',
            name=name,
            path=row["path"],
            value=row["value"],
            field=gettext("Field of condition %(number)s") % number,
            given=gettext("Value of condition %(number)s") % number,
            wrong=wrong,
            **{f"head_{part}": text for part, text in _headings().items()},
            operator=_select(
                f"{name}-operator",
                gettext("Comparison of condition %(number)s") % number,
                {operator: gettext(words) for operator, words in WORDS.items()},
                row["operator"],
            ),
            items=_select(f"{name}-items", gettext("Items of condition %(number)s") % number, ITEMS, row["items"]),
        )


def _headings() -> dict[str, str]:
    """Of the columns; on a phone they stand above each field."""
    return {
        "path": gettext("Field"),
        "operator": gettext("Comparison"),
        "value": gettext("Value"),
        "items": gettext("Of a list"),
    }


def _select(name: str, label: str, options: Mapping[Any, Words], chosen: str) -> SafeString:
    return format_html('<select name="{}" aria-label="{}">{}</select>', name, label, options_with(chosen, options))


def options_with(chosen: str, options: Mapping[Any, Words]) -> SafeString:
    """The options of a select, of which one is chosen."""
    marked = ((str(key), SafeString(" selected") if str(key) == chosen else "", text) for key, text in options.items())
    return format_html_join("", '<option value="{}"{}>{}</option>', marked)


def _typed(row: Any) -> dict[str, str]:
    """A stored or typed condition as its row shows it."""
    given = row if isinstance(row, dict) else {}
    value = given.get("value", "")
    text = ", ".join(_text(each) for each in value) if isinstance(value, list) else _text(value)
    if isinstance(value, list) and any("," in _text(each) for each in value):
        text = json.dumps(value, ensure_ascii=False)
    return {"path": str(given.get("path", "")), "operator": str(given.get("operator", "")), "value": text} | {
        "items": str(given.get("items") or "")
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def conditions_from(rows: Iterable[Mapping[str, str]], schemas: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Conditions as JSON values, each value of the type that its field has."""
    known = list(schemas)
    found = []
    for row in rows:
        condition: dict[str, Any] = {"path": row["path"].strip(), "operator": row["operator"]}
        if row["items"]:
            condition["items"] = row["items"]
        if row["operator"] not in VALUELESS or row["value"].strip():
            condition["value"] = _value(row["value"].strip(), row["operator"], _place(condition["path"], known))
        found.append(condition)
    return found


def _place(path: str, schemas: Iterable[Mapping[str, Any]]) -> Place | None:
    try:
        steps = parse_path(path)
    except ValueError:
        return None
    return next((place for schema in schemas if (place := place_at(schema, steps)) is not None), None)


def _value(text: str, operator: str, place: Place | None) -> Any:
    if operator not in (*LISTS, Operator.BETWEEN):
        return _scalar(text, place)
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return [_scalar(each.strip(), place) for each in text.split(",") if each.strip()]


def _scalar(text: str, place: Place | None) -> Any:
    kinds = place.kinds if place else frozenset[Kind]()
    if Kind.BOOLEAN in kinds and text.lower() in ("yes", "true", "no", "false"):
        return text.lower() in ("yes", "true")
    if place and place.choices:
        return next((each for each in place.choices if str(each) == text), text)
    return text
