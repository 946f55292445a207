"""WHERE: implementations of the executor port, one file each."""

from agents_app.executors.base import Executor, get_executor

__all__ = ["Executor", "get_executor"]
