"""manage.py agents_uninstall"""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connections
from django.db.models import Model

from agents_app.conf import conf
from agents_app.management.base import AgentsCommand
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.management.uninstall import leftovers
from agents_app.models import AgentContext, Archive
from agents_app.services.archive_files import ALIAS, folder

NEXT = (
    "Stop the workers and the cluster, so that none fills the queue again.",
    "manage.py migrate agents_knowledge zero    first, where agents_app.knowledge is installed, deletes what was known",
    "manage.py migrate agents_app zero    deletes every table with all runs, decisions and events",
    "Take agents_app out of INSTALLED_APPS, of your URLs and of your websocket routing.",
    "manage.py remove_stale_contenttypes    removes its permissions",
)


class Command(AgentsCommand):
    help = (
        "Before agents_app is removed from a project: take away what it left outside of its own tables (schedules and "
        "messages of django-q2), and say what to do next. Runs are not touched."
    )

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be removed.")

    def act(self, **options: Any) -> Exit | None:
        dry = options["dry_run"]
        found = leftovers()
        for each in found:
            names = f": {', '.join(each.names)}" if each.names else ""
            self.console.line(f"{'Would remove' if dry else 'Removed'} {counted(each.count, each.what)}{names}")
            if not dry:
                each.remove()
        if not found:
            self.console.line("Nothing is left outside of its own tables.")
        self._warn_of_runs()
        self._warn_of_files()
        self.console.heading("Next")
        for number, step in enumerate(NEXT, start=1):
            self.console.line(f"{number}. {step}", indent=2)
        return None

    def _warn_of_runs(self) -> None:
        if not _is_there(AgentContext):
            return
        alive = AgentContext.objects.live().count()
        if alive:
            verb = "has" if alive == 1 else "have"
            text = f"{counted(alive, 'run')} {verb} not ended. Let them end, cancel them, or lose them with the tables."
            self.console.line(text, style="WARNING")

    def _warn_of_files(self) -> None:
        files = Archive.objects.count() if _is_there(Archive) else 0
        if files:
            where = f"the storage “{ALIAS}”" if ALIAS in settings.STORAGES else str(folder())
            verb, them = ("stays", "it") if files == 1 else ("stay", "them")
            text = f"{counted(files, 'archive')} of ended runs {verb} in {where}. Delete {them} if nobody needs {them}."
            self.console.text(text, style="WARNING")


def _is_there(model: type[Model]) -> bool:
    return model._meta.db_table in connections[conf.DATABASE].introspection.table_names()
