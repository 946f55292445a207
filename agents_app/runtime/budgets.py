"""Letting the run's budgets hold what a turn of the LLM may cost, right before it is asked."""

from agents_app.core.budgets import estimated_tokens
from agents_app.core.status import StepStatus
from agents_app.core.transcript import LLMRequest
from agents_app.exceptions import StaleContext
from agents_app.llm.estimates import cost_of, reply_tokens
from agents_app.runtime.held import Held, ThinkAct
from agents_app.transitions import budgets, change


def reserve(held: Held, act: ThinkAct, request: LLMRequest) -> None:
    """Reserve for this attempt, in a change of its own: it is committed before anything can be spent.

    Raises LLMError with the budget's code if one has not enough left, and StaleContext if the run was lost.
    """
    prompt, reply = estimated_tokens(request), reply_tokens(request.llm, request.max_tokens)
    money = cost_of(request.llm, prompt, reply)
    with change(held.run_id, claim=held.claim.number, durable=True) as edit:
        step = edit.rows.think
        if step is None or step.pk != act.step_id or step.attempt != act.attempt or step.status != StepStatus.STARTED:
            raise StaleContext("This turn of the LLM is settled already.")
        refused = budgets.reserve(edit, step, tokens=prompt + reply, money=money)
    if refused is not None:
        raise refused
