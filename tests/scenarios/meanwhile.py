"""Things that happen in another thread, on another connection, while a worker is busy."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")


def elsewhere(function: Callable[..., T], *args: Any) -> T:
    """Do it in a thread with connections of its own, and wait for its end. Raises what it raises."""
    future: Future[T] = Future()
    thread = threading.Thread(target=_fulfil, args=(future, function, args))
    thread.start()
    thread.join(30)
    return future.result(0)


def together(*functions: Callable[[], T]) -> list[T | Exception]:
    """Do all of them at the same moment, each in a thread with connections of its own; what each gave or raised."""
    begin = threading.Barrier(len(functions))
    futures: list[Future[T]] = [Future() for _ in functions]

    def after_the_others(function: Callable[[], T]) -> T:
        begin.wait(30)
        return function()

    threads = [
        threading.Thread(target=_fulfil, args=(future, after_the_others, (function,)))
        for future, function in zip(futures, functions, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [_outcome(future) for future in futures]


def _outcome(future: "Future[T]") -> T | Exception:
    error = future.exception(0)
    if isinstance(error, Exception):
        return error
    return future.result(0)


def _fulfil(future: "Future[T]", function: Callable[..., T], args: tuple[Any, ...]) -> None:
    try:
        result = function(*args)
    except BaseException as error:
        connections.close_all()
        future.set_exception(error)
    else:
        connections.close_all()
        future.set_result(result)
