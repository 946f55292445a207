"""The settings of what is measured: those of the project, durable, with what BENCH_… variables say."""

import os

from project.databases import postgresql, sqlite
from project.settings import *  # noqa: F403  the same but for what follows

_NAMED = os.environ["BENCH_DATABASE"]
DEBUG = False
DATABASES = {"default": postgresql(_NAMED) if "://" in _NAMED else sqlite(_NAMED)}
DATABASES["default"]["CONN_MAX_AGE"] = 60
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.clerk"]  # noqa: F405
_SCRIPTED: str | dict[str, str] = "benchmarks.clerk.agents.ScriptedLLM"
if "BENCH_LLM_URL" in os.environ:
    _SCRIPTED = {"llm": "openai:scripted", "base_url": os.environ["BENCH_LLM_URL"], "api_key": "none"}
AGENTS_APP = {
    "EXECUTOR": os.environ.get("BENCH_EXECUTOR", "immediate"),
    "LLMS": {"scripted": _SCRIPTED},
    "DEFAULT_LLM": "scripted",
    "RUNS_PER_WORKER": int(os.environ.get("BENCH_RUNS_PER_WORKER", "100")),
    "KNOWLEDGE_FOLDER": os.environ.get("BENCH_FOLDER", "agents_knowledge"),
}
if "BENCH_REDIS" in os.environ:
    Q_CLUSTER = {
        "name": "bench",
        "redis": os.environ["BENCH_REDIS"],
        "workers": 1,
        "queue_limit": 1,
        "timeout": 180,
        "retry": 900,
        "max_attempts": 5,
        "ack_failures": True,
        "save_limit": -1,
        "catch_up": False,
    }
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django-q": {"level": "WARNING"}},
}
