"""Makes a process one of a chaos: it listens to the failpoints, and is broken on purpose if a plant says so."""

import importlib
import os
import sys

from django.apps import AppConfig

PART = "AGENTS_CHAOS_PART"
"""Set in the processes that harm is done to."""
PLANT = "AGENTS_CHAOS_PLANT"
"""Names what is broken in them on purpose."""
PRELOADED = ("pydantic_ai.direct", "pydantic_ai.models.openai", "pydantic_ai.providers.openai")


class ChaosConfig(AppConfig):
    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        if PART not in os.environ:
            return
        # Not before: it imports models, which have to be ready.
        importlib.import_module("tests.chaos.harm").listen()
        if plant := os.environ.get(PLANT):
            importlib.import_module("tests.chaos.plants").plant(plant)
        if os.environ["AGENTS_CHAOS_BROKER"] == "celery":
            importlib.import_module("tests.celery_app")  # so that it is this process's app
        if any("queue_process" in word or word in ("qcluster", "celery") for word in sys.orig_argv):
            # Before the fork: a worker that replaces a killed one then begins within milliseconds.
            for module in PRELOADED:
                importlib.import_module(module)
