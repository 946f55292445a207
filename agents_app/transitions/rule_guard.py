"""That policies and switches are still those by which a call was judged: asked by statements that are made anyway.

A worker reads the version of the rules with the row that it locks. Where it locks none, the write itself asks.
"""

from django.db.models import CharField, Subquery, Value
from django.db.models.functions import Coalesce

from agents_app.models import RuleVersion
from agents_app.models.rule_version import THE_ONE
from agents_app.transitions.write import Statement

RULES_VERSION = Coalesce(
    Subquery(RuleVersion.objects.filter(pk=THE_ONE).values("version")), Value(""), output_field=CharField()
)
"""The version that holds now; "" where there never were rules."""


def if_rules_hold(statement: Statement, version: str) -> Statement:
    """The same UPDATE, which matches no row if the rules have changed since this version."""
    table = RuleVersion._meta.db_table
    held = f"COALESCE((SELECT version FROM \"{table}\" WHERE id = {THE_ONE}), '') = %s"  # noqa: S608  # no input in it
    return Statement(f"{statement.sql} AND {held}", [*statement.parameters, version], statement.lost, statement.row)
