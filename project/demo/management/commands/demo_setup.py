"""`manage.py demo_setup`: users, orders and three runs. Doing it again changes nothing that is there."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django_q.models import Schedule

from project.demo.goods import fill_shop, start_stories
from project.demo.knowledge import fill_handbook
from project.demo.people import PEOPLE, create_people

SWEEP = "agents_app.tasks.recover"


class Command(BaseCommand):
    """Fills the demo's database."""

    help = "Create the demo's users, shop and three runs. Can be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-runs", action="store_true", help="do not start the three runs")

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            create_people()
            fill_shop()
            schedule_sweep()
        fill_handbook()
        runs = [] if options["no_runs"] else start_stories()
        if options["verbosity"] > 0:
            self.stdout.write(f"{len(PEOPLE)} users (password = user name), the shop, {len(runs)} runs.")


def schedule_sweep() -> None:
    """Have the queue look for lost runs every minute."""
    Schedule.objects.get_or_create(
        func=SWEEP, defaults={"name": "agents_recover", "schedule_type": Schedule.MINUTES, "minutes": 1}
    )
