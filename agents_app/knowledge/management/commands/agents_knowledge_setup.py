"""manage.py agents_knowledge_setup"""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput
from agents_app.knowledge import vector_index
from agents_app.knowledge.vectors import analyze
from agents_app.management.base import AgentsCommand
from agents_app.management.exits import Exit


class Command(AgentsCommand):
    help = (
        "Make vectors searched by an index on PostgreSQL: adds pgvector's column, fills it, and makes an HNSW index "
        "for each dimension, without keeping anybody from reading or writing. May be stopped and repeated; without it "
        "vectors are compared one by one. On SQLite there is nothing to do."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dimension",
            type=int,
            action="append",
            default=[],
            help="Numbers of a vector. Left out: of the vectors that are stored. May be given again.",
        )
        parser.add_argument(
            "--memory",
            default="",
            metavar="SIZE",
            help="How much of the database server's memory making an index may take (2GB), instead of its "
            "maintenance_work_mem. An index that does not fit is made many times as slowly; the server logs that.",
        )

    def act(self, **options: Any) -> Exit | None:
        connection = connections[conf.DATABASE]
        if connection.vendor != "postgresql":
            return self._told({"vectors": 0, "dimensions": []}, "On this database there is nothing to do.", options)
        if connection.in_atomic_block:
            raise InvalidInput("An index cannot be made inside a transaction.")
        vector_index.make_column()
        dimensions = sorted({*vector_index.dimensions(), *options["dimension"]})
        filled = sum(vector_index.fill())
        with vector_index.memory(options["memory"]):
            for dimension in dimensions:
                vector_index.make_index(dimension)
        analyze()
        named = ", ".join(map(str, dimensions)) or "none yet"
        text = f"{filled} vectors written to pgvector's column; indexes for dimensions: {named}."
        return self._told({"vectors": filled, "dimensions": dimensions}, text, options)

    def _told(self, result: dict[str, Any], text: str, options: Any) -> Exit | None:
        if options["json"]:
            self.print_json(result)
        else:
            self.stdout.write(text)
        return None
