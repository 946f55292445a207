"""Operations for tables that have grown: none holds a lock longer than it takes to write down the change."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AddCheck(AddConstraint):
    """A check constraint that the rows which are there fit already: they are not read again (`NOT VALID`)."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            statement: Any = self.constraint.create_sql(model, schema_editor)
            schema_editor.execute(f"{statement} NOT VALID", params=None)


class ReplaceCheck(Operation):
    """Put a check constraint in the place of one with the same name; what it refuses was refused before, or is new.

    makemigrations writes RemoveConstraint and AddConstraint, and PostgreSQL then reads the whole table while nobody
    may write to it. Here the rows that are there are not read again (`NOT VALID`): they fit the narrower rule before.
    """

    reduces_to_sql = True

    def __init__(self, model_name: str, constraint: models.CheckConstraint) -> None:
        self.model_name = model_name
        self.constraint = constraint

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.remove_constraint(app_label, self.model_name, self.constraint.name)
        state.add_constraint(app_label, self.model_name, self.constraint)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._replace(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        # The other way the rule is narrower again; rows of the newer release may break it, and stay.
        self._replace(app_label, schema_editor, from_state, to_state)

    def _replace(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        before = from_state.models[app_label, self.model_name.lower()]
        old = before.get_constraint_by_name(self.constraint.name)
        new = to_state.models[app_label, self.model_name.lower()].get_constraint_by_name(self.constraint.name)
        schema_editor.remove_constraint(from_state.apps.get_model(app_label, self.model_name), old)
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_constraint(model, new)
            return
        statement: Any = new.create_sql(model, schema_editor)
        schema_editor.execute(f"{statement} NOT VALID", params=None)

    def describe(self) -> str:
        return f"Replace the check {self.constraint.name} on {self.model_name}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {"model_name": self.model_name, "constraint": self.constraint}

    @property
    def migration_name_fragment(self) -> str:
        return f"replace_{self.constraint.name.lower()}"
