"""manage.py agents_cluster"""

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser

from agents_app.conf import conf
from agents_app.management.base import AgentsCommand
from agents_app.management.cluster.quiet import speak_quietly
from agents_app.management.cluster.supervisor import Supervisor, logger
from agents_app.management.exits import Exit

MARGIN_SECONDS = 10.0


class Command(AgentsCommand):
    help = (
        "Run django-q2's cluster (qcluster) and look after it: wake runs the moment they are due, run the sweep, "
        "replace a cluster that died or does nothing, leave no process behind. SIGTERM or Ctrl-C ends it, within "
        "--grace; a second one at once. Leaves with 1 if workers had to be killed."
    )

    def add_own(self, parser: CommandParser) -> None:
        text = "Seconds that open calls are given at the end, before everything is killed. Default: DRAIN_SECONDS + 10."
        parser.add_argument("--grace", type=float, metavar="SECONDS", help=text)

    def act(self, **options: Any) -> Exit | None:
        if not apps.is_installed("django_q"):
            raise CommandError("django_q is not installed: there is no cluster to run.", returncode=Exit.INVALID)
        grace = conf.DRAIN_SECONDS + MARGIN_SECONDS if options["grace"] is None else options["grace"]
        speak_quietly()
        if conf.EXECUTOR != "django_q2":
            logger.warning('AGENTS_APP["EXECUTOR"] is %r: it sends runs elsewhere than to this cluster.', conf.EXECUTOR)
        return None if Supervisor(grace).run() else Exit.FAILED
