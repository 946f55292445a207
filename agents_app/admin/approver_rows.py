"""Who may decide, as rows of a form: one row says it all, several are stages in their order. Works without scripts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.condition_rows import options_with
from agents_app.core.approver_rules import MOST_QUORUM, Approvers, Stage
from agents_app.definitions.resolvers import resolvers

EMPTY_ROWS = 2
MOST_SUGGESTED = 1000
PARTS: Mapping[str, Any] = {
    "permission": gettext_lazy("Permission"),
    "group": gettext_lazy("Group"),
    "resolver": gettext_lazy("Named by"),
    "quorum": gettext_lazy("How many must say yes"),
    "name": gettext_lazy("Name of the stage"),
}
FOUR_EYES: Mapping[str, Any] = {
    "": gettext_lazy("As the settings say for the tool's effect"),
    "yes": gettext_lazy("Who asked for it may not approve it"),
    "no": gettext_lazy("Who asked for it may approve it too"),
}
WRONG: Mapping[str, Any] = {
    "permission": gettext_lazy("A permission is written like “shop.refund_order”."),
    "group": gettext_lazy("The name of a group has at most 150 characters."),
    "resolver": gettext_lazy("This is not the name of an approver resolver."),
    "quorum": gettext_lazy("A whole number from 1 to %(most)s."),
    "name": gettext_lazy("A name has at most 100 characters."),
}
"""By the part that does not fit: what the rule says of it, for people."""
SAID = {"yes": True, "no": False, "": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What stands in the rows. An empty row is none; one that says how many is a stage that everybody fits."""

    rows: tuple[Mapping[str, str], ...] = ()
    four_eyes: str = ""


class ApproverRows(forms.Widget):
    """One row for each stage, and some empty ones. wrong: by row and part, what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: dict[tuple[int, str], list[str]] = {}

    def __deepcopy__(self, memo: Any) -> "ApproverRows":
        """Each form has its own: Django copies of a widget only the attributes."""
        made: ApproverRows = super().__deepcopy__(memo)
        made.wrong = {}
        return made

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Typed:
        """The rows as they were typed, without the empty ones."""
        given = data if isinstance(data, MultiValueDict) else MultiValueDict()
        columns = [given.getlist(f"{name}-{part}") for part in PARTS]
        rows = [dict(zip(PARTS, map(str.strip, row), strict=True)) for row in zip(*columns, strict=False)]
        said = given.get(f"{name}-four_eyes", "")
        return Typed(rows=tuple(row for row in rows if any(row.values())), four_eyes=said if said in SAID else "")

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-quorum" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        typed = value if isinstance(value, Typed) else typed_of(value)
        rows = [*typed.rows, *([dict.fromkeys(PARTS, "")] * EMPTY_ROWS)]
        return format_html(
            '<div class="aa-rows">{lists}<table class="aa-conditions"><thead><tr>{heads}</tr></thead>'
            '<tbody>{rows}</tbody></table><p><label for="{name}-four_eyes">{label}</label> '
            '<select id="{name}-four_eyes" name="{name}-four_eyes">{options}</select></p></div>',
            lists=format_html_join(
                "", "{}", ((_suggested(f"{name}-{part}s", SUGGESTED[part]()),) for part in SUGGESTED)
            ),
            heads=format_html_join("", "<th>{}</th>", ((label,) for label in PARTS.values())),
            rows=format_html_join("", "{}", ((self._row(name, place, row),) for place, row in enumerate(rows))),
            name=name,
            label=gettext("Four eyes"),
            options=options_with(typed.four_eyes, FOUR_EYES),
        )

    def _row(self, name: str, place: int, row: Mapping[str, str]) -> SafeString:
        cells = ((label, self._cell(name, place, part, label, row[part])) for part, label in PARTS.items())
        return format_html("<tr>{}</tr>", format_html_join("", '<td data-label="{}">{}</td>', cells))

    def _cell(self, name: str, place: int, part: str, label: Any, value: str) -> SafeString:
        wrong = self.wrong.get((place, part), [])
        about = f"{name}-{part}-{place}-wrong"
        told = format_html_join("", "<div>{}</div>", ((text,) for text in wrong))
        marks = format_html(' aria-invalid="true" aria-describedby="{}"', about) if wrong else SafeString("")
        kind = SafeString(' inputmode="numeric" size="3"') if part == "quorum" else SafeString("")
        listed = format_html(' list="{}-{}s"', name, part) if part in SUGGESTED else SafeString("")
        return format_html(
            '{told}<input name="{name}-{part}" value="{value}" maxlength="200" aria-label="{label}"'
            "{kind}{listed}{marks}>",
            told=format_html('<div class="errornote" id="{}">{}</div>', about, told) if wrong else "",
            name=name,
            part=part,
            value=value,
            label=gettext("%(what)s, row %(number)s") % {"what": label, "number": place + 1},
            kind=kind,
            listed=listed,
            marks=marks,
        )


class ApproversField(forms.Field):
    """The rule on who may decide, as it is stored; without any row: None, that of the tool."""

    widget = ApproverRows

    def clean(self, value: Any) -> dict[str, Any] | None:
        """Raises ValidationError, and tells at each row what is wrong with it."""
        typed = value if isinstance(value, Typed) else Typed()
        four_eyes = SAID[typed.four_eyes]
        if not typed.rows:
            return None if four_eyes is None else Approvers(four_eyes=four_eyes).as_json()
        stages, wrong = [], []
        for place, row in enumerate(typed.rows):
            stage, found = _stage_of(row)
            stages.append(stage)
            for part, text in found:
                self.rows.wrong.setdefault((place, part), []).append(text)
                wrong.append(gettext("Row %(number)s: %(text)s") % {"number": place + 1, "text": text})
        if wrong:
            raise ValidationError(wrong)
        rule = Approvers(stages=stages, four_eyes=four_eyes)
        if len(stages) == 1 and not stages[0].name:
            (only,) = stages
            own = {part: getattr(only, part) for part in ("permission", "group", "resolver", "quorum")}
            rule = Approvers(**own, four_eyes=four_eyes)
        return rule.as_json()

    @property
    def rows(self) -> ApproverRows:
        """Its widget."""
        widget: Any = self.widget
        return widget  # type: ignore[no-any-return]


def typed_of(stored: Any) -> Typed:
    """A stored rule as its rows; what cannot be read of one that is broken is left out."""
    if not isinstance(stored, dict):
        return Typed()
    said = {True: "yes", False: "no"}.get(stored.get("four_eyes"), "")  # type: ignore[arg-type]
    given = stored.get("stages")
    stages = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    rows = [
        {part: _text(stage.get(part, 1 if part == "quorum" else "")) for part in PARTS} for stage in stages or [stored]
    ]
    return Typed(rows=tuple(rows), four_eyes=said)


def _stage_of(row: Mapping[str, str]) -> tuple[Stage, list[tuple[str, str]]]:
    quorum = row["quorum"] or "1"
    number = int(quorum) if quorum.isdecimal() and len(quorum) < 6 else 0
    texts = {part: row[part] or None for part in ("permission", "group", "resolver")}
    stage = Stage(name=row["name"], quorum=number, **texts)
    wrong = [next(part for part in PARTS if f"`{part}`" in text) for text in stage.problems()]
    return stage, [(part, str(WRONG[part]) % {"most": MOST_QUORUM}) for part in wrong]


def _permissions() -> Iterable[str]:
    rows = Permission.objects.order_by("content_type__app_label", "codename")
    return (f"{app}.{name}" for app, name in rows.values_list("content_type__app_label", "codename")[:MOST_SUGGESTED])


def _groups() -> Iterable[str]:
    return Group.objects.order_by("name").values_list("name", flat=True)[:MOST_SUGGESTED]


SUGGESTED: Mapping[str, Callable[[], Iterable[str]]] = {
    "permission": _permissions,
    "group": _groups,
    "resolver": resolvers.names,
}


def _suggested(key: str, texts: Iterable[str]) -> SafeString:
    options = format_html_join("", '<option value="{}">', ((text,) for text in texts))
    return format_html('<datalist id="{}">{}</datalist>', key, options)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


__all__ = ["ApproverRows", "ApproversField", "Typed", "typed_of"]
