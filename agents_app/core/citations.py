"""Citations: which passages an answer names, as [1] for those that a run was told, as [k42] for those it looked up."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents_app.core.briefing import Section

MARK = re.compile(r"\[(k?\d{1,12})\]")
MOST = 100
TOOL = "search_knowledge"


class Citation(BaseModel):
    """A passage that an answer names, as it is kept with the answer's step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mark: str = Field(description="As it stands in the answer, between brackets.")
    id: str = Field(description="The passage's.")
    source: str = Field(description="Where it stands, as people read it.")


def passage_refs(sections: Iterable[Section]) -> dict[str, dict[str, str]]:
    """The passages that a run was told, by their numbers: their refs are “id source”, in the order of the numbers."""
    refs = [ref for section in sections if section.kind == "passages" for ref in section.refs]
    return {str(number): _entry(*ref.partition(" ")[::2]) for number, ref in enumerate(refs, start=1)}


def found_refs(results: Iterable[Any]) -> dict[str, dict[str, str]]:
    """The passages that the tool gave back, by the marks it gave with them."""
    found = {}
    for result in results:
        passages = result.get("passages", ()) if isinstance(result, Mapping) else ()
        for each in passages if isinstance(passages, list) else ():
            mark = MARK.fullmatch(str(each.get("cite", ""))) if isinstance(each, Mapping) else None
            if mark:
                found[mark[1]] = _entry(str(each.get("id", "")), str(each.get("source", "")))
    return found


def citations_in(answer: Any, known: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """The passages that the answer names, each once, in the order of their first mention; marks of nothing are no
    citations."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
    marks = dict.fromkeys(match[1] for match in MARK.finditer(text))
    return [{"mark": mark, **known[mark]} for mark in marks if mark in known][:MOST]


def _entry(id_: str, source: str) -> dict[str, str]:
    return {"id": id_, "source": source}
