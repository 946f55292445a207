"""The main of the supervised process: django-q2's `qcluster`, whose workers are on the supervisor's leash.

Run with `python -m`; the arguments are those of `main`, as text.
"""

import sys
from typing import Any

import django
from django.core.management import call_command

from agents_app.management.cluster.leash import Worker
from agents_app.management.cluster.quiet import speak_quietly
from agents_app.runtime.family import die_with, let_children_die_with_us
from agents_app.runtime.shutdown import closing


def main(sign: str, held: str, supervisor: str, grace: str) -> None:
    """Run until SIGTERM. Ends with the supervisor, and its processes end with it.

    sign, held: the ends of the leash. supervisor: its process id. grace: seconds until workers that
    were let go kill all.
    """
    die_with(int(supervisor))
    django.setup()
    speak_quietly()
    let_children_die_with_us()
    _put_on_leash(int(sign), int(held), float(grace))
    call_command("qcluster")


def _put_on_leash(sign: int, held: int, grace: float) -> None:
    # It reads the settings when it is imported: not before Django is set up.
    from django_q import signals
    from django_q.conf import Conf

    worker = Worker(sign=sign, held=held, closing=closing, grace=grace, timeout=Conf.TIMEOUT)

    def spawned(**kwargs: Any) -> None:
        worker.start()

    def begins(**kwargs: Any) -> None:
        worker.begin()

    def ended(**kwargs: Any) -> None:
        worker.end()

    signals.post_spawn.connect(spawned, weak=False)
    signals.pre_execute.connect(begins, weak=False)
    signals.post_execute_in_worker.connect(ended, weak=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
