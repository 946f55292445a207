"""What knowledge has to say before a run's LLM is asked for the first time: passages for its input, with numbers by
which the answer can cite them. They are untrusted: whoever may add a document could write orders into it."""

from django.contrib.auth import get_user_model

from agents_app.core.briefing import Section, SourceBriefing, Told
from agents_app.definitions.briefing import Question
from agents_app.knowledge.retrieving import EVENT, Retrieved, numbered, one_line, retrieve, user_of

TITLE = "Passages that may answer it"
CITE = "Cite the passages that you use by their numbers, like [1]."


def brief(question: Question) -> SourceBriefing:
    """The passages that each of the agent's `Knowledge` finds, which are looked up beforehand. Raises what the search
    raises, unless all of it would rather go on without."""
    user = user_of(question.user_id, get_user_model()._base_manager)
    sections: list[Section] = []
    told: list[Told] = []
    first = question.first_passage
    for knowledge in question.knowledge:
        if knowledge.mode == "tool" or not question.input.strip():
            continue
        found = retrieve(knowledge, question.input, user)
        told.append(Told(type=EVENT, payload=found.told))
        if found.passages:
            sections.append(_section(found, first))
            first += len(found.passages)
    return SourceBriefing(sections=tuple(sections), told=tuple(told))


def _section(found: Retrieved, first: int) -> Section:
    names = ", ".join(found.collections) or "retriever"
    return Section(
        kind="passages",
        title=f"{TITLE}. {CITE}",
        text=numbered(found.passages, first),
        origin=f"documents: {names}",
        untrusted=True,
        refs=tuple(f"{each.id} {one_line(each.source)}" for each in found.passages),
    )
