"""Mutants: named damage to the code. A promise is proved by a test that goes red under each of its mutants."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from agents_app.models import prepared


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """In the function `target` ("module:qualified.name") the text `old` becomes `new`."""

    target: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """What is broken, by which cuts, and the check that must notice. only: the one database on which it can show."""

    name: str
    check: Callable[..., None]
    cuts: tuple[Cut, ...]
    only: str = ""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The code is broken inside."""
        with ExitStack() as stack:
            stack.callback(prepared.forget)  # what was compiled from broken code, or before it was broken
            for cut in self.cuts:
                stack.enter_context(_cut(cut))
            prepared.forget()
            yield


def mutant(name: str, check: Callable[..., None], target: str, old: str, new: str, only: str = "") -> Mutant:
    """A mutant of one cut."""
    return Mutant(name=name, check=check, cuts=(Cut(target=target, old=old, new=new),), only=only)


@contextmanager
def _cut(cut: Cut) -> Iterator[None]:
    """Exchange the code inside the function object, so that everybody who imported it has the broken one."""
    function = _function(cut.target)
    before = function.__code__
    function.__code__ = _broken(function, cut)
    try:
        yield
    finally:
        function.__code__ = before


def _function(target: str) -> FunctionType:
    module, _, name = target.partition(":")
    found: Any = reduce(getattr, name.split("."), import_module(module))
    function = inspect.unwrap(found)
    assert isinstance(function, FunctionType), f"{target} is no function"
    return function


def _broken(function: FunctionType, cut: Cut) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(cut.old) == 1, f"{cut.target} holds this {source.count(cut.old)} times, not once: {cut.old!r}"
    tree = ast.parse(source.replace(cut.old, cut.new))
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    definition.decorator_list = []
    names = dict(function.__globals__)
    exec(compile(tree, f"<mutant of {cut.target}>", "exec"), names)  # the text above, with one cut
    broken: CodeType = names[definition.name].__code__
    return broken
