"""Migrations forwards and backwards on a database with runs in it, as a script (see test_migrations.py).

It gets an empty database of its own. Every `assert` is a part of the test.
"""

import io
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django has to be set up first
from django.core.management import call_command  # noqa: E402 - Django has to be set up first
from django.db import connection  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_q.models import Schedule  # noqa: E402

from agents_app.definitions.registry import registry  # noqa: E402
from agents_app.knowledge.models import Chunk, Collection, Document  # noqa: E402
from agents_app.models import AgentContext, AgentEvent, DefinitionRecord  # noqa: E402
from tests.upgrades import stored  # noqa: E402
from tests.upgrades.desk import Desk  # noqa: E402
from tests.upgrades.test_columns import RELEASED  # noqa: E402


def migrate(*arguments: str) -> None:
    call_command("migrate", *arguments, verbosity=0)


def tables() -> list[str]:
    return [
        name for name in connection.introspection.table_names() if name.startswith(("agents_app_", "agents_knowledge_"))
    ]


def there_and_back(release: str) -> None:
    """The rows of a release stay what they were through all later migrations, undone and done again."""
    migrate("agents_app", RELEASED[release])
    inserted = stored.insert(release)
    before = stored.read_raw(inserted)
    migrate("agents_app")
    assert stored.read_raw(inserted) == before
    call_command("makemigrations", "agents_app", check=True, dry_run=True, verbosity=0)
    assert AgentContext.objects.count() == len(inserted["agents_app_agentcontext"])
    migrate("agents_app", RELEASED[release])
    assert stored.read_raw(inserted) == before
    migrate("agents_app")
    assert stored.read_raw(inserted) == before


def away() -> None:
    """Every table goes, with the runs in them; and forwards again."""
    assert AgentContext.objects.exists()
    own = ["agents_app.tasks.clean_up", "agents_app.tasks.recover"]
    assert _scheduled() == ["agents_app.knowledge.tasks.recover", *own]
    Chunk.objects.bulk_create([_chunk()])
    assert DefinitionRecord.objects.filter(agent="desk").exists()
    call_command("agents_uninstall", stdout=io.StringIO())
    assert _scheduled() == []
    migrate("agents_knowledge", "zero")
    assert _scheduled() == own
    migrate("agents_app", "zero")
    assert _scheduled() == []
    assert tables() == []
    migrate("agents_app")
    migrate("agents_knowledge")
    assert not Document.objects.exists()
    assert not AgentContext.objects.exists()
    assert not AgentEvent.objects.exists()


def _chunk() -> Chunk:
    shelf = Collection.objects.create(name="shelf")
    document = Document.objects.create(collection=shelf, key="a", mime="text/plain", changed_at=timezone.now())
    return Chunk(document=document, collection=shelf, version=1, number=1, text="Words.", start=0, end=6, digest="")


def _scheduled() -> list[str]:
    return sorted(Schedule.objects.filter(func__startswith="agents_app.").values_list("func", flat=True))


def main() -> None:
    migrate()
    with registry.override(Desk), override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "django_q2"}):
        stored.people()
        for release in RELEASED:
            migrate("agents_app", "zero")
            there_and_back(release)
        away()
    sys.stdout.write("all is well\n")


main()
