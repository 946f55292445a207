"""The settings of what is measured: as a project would have them, durable, with the database of BENCH_DATABASE."""

import os

from project.databases import postgresql, sqlite
from project.settings import *  # noqa: F403  the same but for what follows

_NAMED = os.environ["BENCH_DATABASE"]
DEBUG = False
DATABASES = {"default": postgresql(_NAMED) if "://" in _NAMED else sqlite(_NAMED)}
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.clerk"]  # noqa: F405
AGENTS_APP = {
    "EXECUTOR": os.environ.get("BENCH_EXECUTOR", "immediate"),
    "LLMS": {"scripted": "benchmarks.clerk.agents.ScriptedLLM"},
    "DEFAULT_LLM": "scripted",
}
