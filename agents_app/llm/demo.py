"""The demo LLM: works offline, costs nothing, and is not intelligent. It follows a few rules over words."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from agents_app.core.transcript import (
    AssistantMessage,
    FunctionSpec,
    LLMReply,
    LLMRequest,
    ProposedCall,
    Usage,
)
from agents_app.llm.base import OnText
from agents_app.llm.demo_arguments import Missing, filled
from agents_app.llm.demo_facts import ASK_USER, ORDER_NUMBER, Facts, Outcome, facts_of, words
from agents_app.llm.demo_memory import RECALLS, REMEMBER, in_a_sentence, to_keep

SECONDS_PER_WORD = 0.02

TRIGGERS: dict[str, frozenset[str]] = {
    "refund": frozenset({"refund", "broke", "broken", "damaged", "defective", "return", "money"}),
    "order": frozenset({"order", "parcel", "delivery", "delivered", "shipped", "arrive", "where", "broke", "broken"}),
    "email": frozenset({"email", "mail", "write"}),
    "product": frozenset({"product", "buy", "recommend", "search"}),
}
"""Which words of an input call for a function with this word in its name."""

LOOKS = ("lookup", "look", "get", "find", "search", "list", "show", "read", "fetch", "check", "recall")
"""First words of functions that only look; they are called before those that act."""

IDLE_WORDS = frozenset({*LOOKS, "send", "make", "do", "create", "set", "and", "the", "for", "of", "to", "all"})


class DemoLLM:
    """Picks functions by words of their names, fills their parameters by names and types, and reports what came of it.

    It makes each call at most once in a run, so every run of it ends.
    """

    def __init__(self, seconds_per_word: float = SECONDS_PER_WORD) -> None:
        self.seconds_per_word = seconds_per_word

    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        """The reply that the rules give; with `on_text`, word by word."""
        text, calls = decide_by_words(request)
        if on_text is not None:
            for word in re.findall(r"\s*\S+", text):
                on_text(word)
                await asyncio.sleep(self.seconds_per_word)
        return LLMReply(
            text=text,
            calls=calls,
            usage=Usage(input_tokens=_length(request), output_tokens=_count(text, *(call.arguments for call in calls))),
            llm="demo",
            finish_reason="tool_call" if calls else "stop",
        )


def decide_by_words(request: LLMRequest) -> tuple[str, tuple[ProposedCall, ...]]:
    """Text and calls of the next reply."""
    facts = facts_of(request)
    if not any(outcome.failed or outcome.rejected for outcome in facts.outcomes):
        for spec in _plan(request, facts):
            try:
                text = to_keep(facts.input) if spec.name == REMEMBER else facts.input
                arguments = filled(spec.parameters, facts, text, strict=True, amount=facts.amount)
            except Missing as missing:
                return _ask(request, facts, missing.question)
            return f"I will use {_title(spec.name)}.", (_call(request, spec.name, arguments),)
    return _answer(request, facts, " ".join(_report(request, facts)))


def _plan(request: LLMRequest, facts: Facts) -> list[FunctionSpec]:
    """The functions that are still to be called: those that look, then those that act."""
    functions = [spec for spec in request.functions if spec.name not in (ASK_USER, REMEMBER)]
    if to_keep(facts.input) and (keeper := next((each for each in request.functions if each.name == REMEMBER), None)):
        return [] if facts.called(REMEMBER) else [keeper]
    said = words(facts.input) | ({"order"} if facts.find(ORDER_NUMBER) else frozenset())
    wanted = [spec for spec in functions if _named(spec, said)] or [
        spec for spec in functions if _described(spec, said)
    ]
    wanted.sort(key=lambda spec: not _looks(spec))
    return [spec for spec in wanted if not facts.called(spec.name)]


def _named(spec: FunctionSpec, said: frozenset[str]) -> bool:
    name = words(spec.name.replace("_", " ")) - IDLE_WORDS
    return any(word in said or TRIGGERS.get(word, frozenset()) & said for word in name)


def _described(spec: FunctionSpec, said: frozenset[str]) -> bool:
    return len({word for word in words(spec.description) & said if len(word) > 4}) >= 2


def _looks(spec: FunctionSpec) -> bool:
    return spec.name.split("_")[0] in LOOKS


def _ask(request: LLMRequest, facts: Facts, question: str) -> tuple[str, tuple[ProposedCall, ...]]:
    """Ask the user once; without the function for it, or without luck, the question is the answer."""
    if any(spec.name == ASK_USER for spec in request.functions) and not facts.called(ASK_USER):
        return "", (_call(request, ASK_USER, {"question": question}),)
    return _answer(request, facts, question)


def _answer(request: LLMRequest, facts: Facts, text: str) -> tuple[str, tuple[ProposedCall, ...]]:
    if request.answer is None:
        return text, ()
    amount = next((outcome.amount for outcome in facts.outcomes if _acted(outcome)), None)
    arguments = filled(request.answer.parameters, facts, text, strict=False, amount=amount or Decimal(0))
    _put_text(request.answer, arguments, text)
    return "", (_call(request, request.answer.name, arguments),)


def _put_text(answer: FunctionSpec, arguments: dict[str, Any], text: str) -> None:
    """Where no required parameter took the text, the first optional one does."""
    if text in arguments.values():
        return
    for name, schema in answer.parameters.get("properties", {}).items():
        if schema.get("type") == "string" and name not in arguments and "enum" not in schema:
            arguments[name] = text
            return


def _report(request: LLMRequest, facts: Facts) -> Iterator[str]:
    """What came of the calls, in sentences."""
    for outcome in facts.outcomes:
        if outcome.name != ASK_USER:
            yield _sentence(outcome)
        elif outcome.failed:
            yield "I had a question and got no answer to it, so I could not go on."
    if not facts.outcomes and (found := _remembered(facts) or _passage(facts)):
        yield found
    elif not facts.outcomes:
        yield f"You wrote: “{_short(facts.input)}”."
        names = ", ".join(_title(spec.name) for spec in request.functions if spec.name != ASK_USER)
        yield f"I can: {names}." if names else "I have no tools."
        if facts.known:
            yield in_a_sentence(facts.known)
        yield "(I am the offline demo LLM; I follow rules over words and am not intelligent.)"


def _remembered(facts: Facts) -> str:
    """What is known of the user, if they ask for it."""
    said = words(facts.input)
    return in_a_sentence(facts.known) if facts.known and said & RECALLS and said & {"me", "my"} else ""


def _passage(facts: Facts) -> str:
    """What a document says to it, with its number: one whose heading has a word of it, or whose text has two."""
    asked = {word for word in words(facts.input) if len(word) > 3}
    for number, source, text in facts.passages:
        if asked & words(source) or len(asked & words(text)) >= 2:
            return f"{_short(text)} {number}"
    return ""


def _sentence(outcome: Outcome) -> str:
    what = _title(outcome.name)
    if outcome.name == REMEMBER and _acted(outcome):
        return f"I will remember it: “{_short(str(outcome.arguments.get('text', '')))}”."
    if outcome.rejected:
        return f"{what} was not done: a colleague decided against it. The reason: {_short(outcome.reason).rstrip('.')}."
    if outcome.failed:
        return f"{what} did not work: {_short(outcome.reason).rstrip('.')}."
    if not _acted(outcome):
        return f"{what}: {_short(outcome.plain).rstrip('.')}."
    amount, asked = outcome.amount, outcome.asked_amount
    if amount is not None and asked is not None and amount != asked:
        return f"{what} is done, over {_money(amount)} instead of {_money(asked)}: a colleague changed it."
    over = f" over {_money(amount)}" if amount is not None else ""
    return f"{what} is done{over}."


def _acted(outcome: Outcome) -> bool:
    """Whether it was a call that did something."""
    looked = outcome.name == ASK_USER or outcome.name.split("_")[0] in LOOKS
    return not (looked or outcome.failed or outcome.rejected)


def _call(request: LLMRequest, name: str, arguments: dict[str, Any]) -> ProposedCall:
    number = sum(isinstance(message, AssistantMessage) for message in request.messages) + 1
    return ProposedCall(id=f"demo-{number}", name=name, arguments=json.dumps(arguments, ensure_ascii=False))


def _money(amount: Decimal) -> str:
    return f"{amount:.0f}" if amount == amount.to_integral_value() else f"{amount:.2f}"


def _title(name: str) -> str:
    return f"“{name.replace('_', ' ')}”"


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _length(request: LLMRequest) -> int:
    texts: Iterable[str] = (
        f"{message.text} {' '.join(call.arguments for call in message.calls)}"
        if isinstance(message, AssistantMessage)
        else getattr(message, "text", "") or getattr(message, "content", "")
        for message in request.messages
    )
    return _count(request.instructions, *texts)


def _count(*texts: str) -> int:
    """Tokens, guessed by words."""
    return sum(len(text.split()) for text in texts)
