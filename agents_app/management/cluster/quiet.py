"""What a cluster says: one line for what happens to it, warnings of its workers, and nothing about each message."""

import logging

FORMAT = logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


def speak_quietly() -> None:
    """Where the project's LOGGING says nothing of these loggers, write to standard error. django-q2: warnings only."""
    django_q = logging.getLogger("django-q")
    django_q.setLevel(max(django_q.level, logging.WARNING))
    ours = logging.getLogger("agents_app")
    if ours.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(FORMAT)
    ours.addHandler(handler)
    logging.getLogger("agents_app.cluster").setLevel(logging.INFO)
