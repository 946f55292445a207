"""The page that shows what the LLM was sent in one step of a run."""

from collections.abc import Iterator

from django.utils.translation import gettext

from agents_app.admin.blocks import Block, block
from agents_app.core.transcript import AssistantMessage, CallResult, Correction, Message, UserMessage
from agents_app.selectors.sent import Sent


def sent_blocks(sent: Sent) -> Iterator[Block]:
    """The instructions, each message, and the functions."""
    request = sent.request
    if request.instructions:
        yield block("instructions", gettext("Instructions"), request.instructions)
    for place, message in enumerate(request.messages):
        yield from _message(f"message-{place}", message)
    functions = (*request.functions, *([request.answer] if request.answer else []))
    if functions:
        told = {each.name: {"description": each.description, "parameters": each.parameters} for each in functions}
        yield block("functions", gettext("Functions"), told)


def _message(key: str, message: Message) -> Iterator[Block]:
    match message:
        case UserMessage(text=text):
            yield block(key, gettext("User"), text)
        case AssistantMessage(text=text, calls=calls):
            if text:
                yield block(key, gettext("LLM"), text)
            for number, call in enumerate(calls):
                label = gettext("Call of %(name)s") % {"name": call.name}
                yield block(f"{key}-{number}", label, call.arguments)
        case CallResult(name=name, content=content):
            yield block(key, gettext("Result of %(name)s") % {"name": name}, content)
        case Correction(text=text):
            yield block(key, gettext("Correction"), text)
