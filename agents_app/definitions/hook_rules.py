"""Which functions answer for a tool, and whether they fit it."""

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence

from agents_app.core.status import Effect
from agents_app.definitions.hooks import Hook, HookFunction, HookKind
from agents_app.definitions.options import Options
from agents_app.definitions.parameters import CallShape
from agents_app.definitions.problems import Code, Problem


def effective_hooks(hooks: Sequence[Hook], owner: type | None) -> dict[HookKind, HookFunction]:
    """The functions to ask. A subclass that overrides a hook's method is asked instead, as with any method."""
    return {hook.kind: _overridden(hook.function, owner) for hook in hooks}


def hook_problems(
    hooks: Sequence[Hook],
    effective: Mapping[HookKind, HookFunction],
    options: Options,
    shape: CallShape,
    *,
    owned: bool,
) -> list[Problem]:
    """What is wrong with a tool's hooks."""
    problems = [_inherited(hook) for hook in hooks if hook.foreign]
    for kind, times in Counter(hook.kind for hook in hooks).items():
        if times > 1:
            problems.append(_contradiction(f"It has {times} hooks `{kind}`.", "Keep one of them."))
    problems.extend(_contradictions(effective, options))
    for kind, function in effective.items():
        problems.extend(_function_problems(kind, function, shape, owned=owned))
    return problems


def _overridden(function: HookFunction, owner: type | None) -> HookFunction:
    name = getattr(function, "__name__", "_")
    if owner is None or name == "_":
        return function
    if not any(vars(base).get(name) is function for base in owner.__mro__):
        return function
    current: HookFunction = inspect.getattr_static(owner, name)
    return current


def _inherited(hook: Hook) -> Problem:
    return Problem(
        code=Code.INHERITED_TOOL,
        message=f"Its hook `{hook.kind}` is declared outside of the place where the tool is.",
        hint="It would change the tool for everybody who has it: in the subclass, declare the tool anew, with hooks.",
    )


def _contradictions(hooks: Mapping[HookKind, HookFunction], options: Options) -> list[Problem]:
    problems = []
    if options.requires_approval and HookKind.NEEDS_APPROVAL in hooks:
        message = "It has `requires_approval=True` and a hook `needs_approval`."
        problems.append(_contradiction(message, "Every call asks already: drop one of the two."))
    if options.summary is not None and HookKind.SUMMARY in hooks:
        problems.append(_contradiction("It has the option and the hook `summary`.", "Drop one of the two."))
    if HookKind.RECONCILE in hooks and options.effect in (Effect.READ, Effect.ATOMIC):
        message = f"It has a hook `reconcile`, and the effect “{options.effect}”."
        problems.append(_contradiction(message, "The outcome of such a call is never unknown: drop the hook."))
    return problems


def _function_problems(kind: HookKind, function: HookFunction, shape: CallShape, *, owned: bool) -> list[Problem]:
    if not inspect.isroutine(function) or inspect.iscoroutinefunction(function):
        return [_contradiction(f"Its hook `{kind}` is no plain `def` function.", "Hooks are synchronous functions.")]
    if not shape.accepted_by(function, owned=owned):
        names = ", ".join(parameter.name for parameter in shape.parameters)
        hint = f"A hook takes the same parameters as its tool: {names or 'none'}."
        message = f"Its hook `{kind}` takes other parameters than the tool."
        return [Problem(code=Code.HOOK_SIGNATURE, message=message, hint=hint)]
    return []


def _contradiction(message: str, hint: str) -> Problem:
    return Problem(code=Code.HOOK, message=message, hint=hint)
