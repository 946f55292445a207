"""What memory tells a run before its LLM is asked for the first time."""

from uuid import UUID

from agents_app.core.briefing import Section, SourceBriefing
from agents_app.core.budgets import tokens_of
from agents_app.core.transcript import UserMessage
from agents_app.definitions.briefing import Question
from agents_app.memory import facts_briefing
from agents_app.memory.conversation import talk_of
from agents_app.models import AgentContext, ArchivedRun, SessionSummary

ARCHIVED = "Earlier requests of this conversation were archived. What was said in them is not at hand."


def brief(question: Question) -> SourceBriefing:
    """All that the agent's memory has to say to this run."""
    memory = question.memory
    if memory is None:
        return SourceBriefing()
    sources = [facts_briefing.brief(question)]
    if memory.conversation and question.session_id is not None:
        sources.append(_conversation(question, question.session_id, memory.tokens))
    return SourceBriefing(
        sections=tuple(section for source in sources for section in source.sections),
        earlier=tuple(message for source in sources for message in source.earlier),
        told=tuple(told for source in sources for told in source.told),
    )


def _conversation(question: Question, session_id: UUID, tokens: int) -> SourceBriefing:
    """The talk of the session, newest turns whole; before it a summary, if there was more than that."""
    summary = SessionSummary.objects.filter(pk=session_id).exclude(text="").first()
    taken = 0 if summary is None else tokens_of(UserMessage(text=summary.text))
    taken += tokens_of(UserMessage(text=question.input))
    talk = talk_of(
        session_id,
        question.user_id,
        tokens=max(tokens - taken, 0),
        functions=question.functions,
        before=question.run_id,
    )
    sections = []
    archived = _archived(session_id, question)
    if summary is not None and (archived or not talk.whole):
        sections.append(
            Section(
                kind="summary",
                title="Earlier in this conversation",
                text=summary.text,
                origin="a summary by an LLM",
                untrusted=True,
                refs=(str(summary.upto),),
            )
        )
    elif archived:
        sections.append(Section(kind="summary", title="Archived requests", text=ARCHIVED))
    return SourceBriefing(sections=tuple(sections), earlier=talk.messages)


def _archived(session_id: UUID, question: Question) -> bool:
    """Whether runs of this talk are out of the database."""
    mine = ArchivedRun.objects.filter(session_id=session_id, user_id=question.user_id)
    away = mine.filter(hidden_at=None, erased_at=None)
    return away.exclude(pk__in=AgentContext.objects.filter(session_id=session_id).values("pk")).exists()
