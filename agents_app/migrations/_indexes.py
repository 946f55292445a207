"""Adding and dropping indexes of tables that have grown, without keeping others from writing to them."""

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class AddIndexGently(migrations.AddIndex):
    """AddIndex, on PostgreSQL with CREATE INDEX CONCURRENTLY. The migration needs `atomic = False`."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.add_index(model, self.index, **_concurrently(schema_editor))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            state = from_state.models[app_label, self.model_name_lower]
            schema_editor.remove_index(model, state.get_index_by_name(self.index.name), **_concurrently(schema_editor))


class AddUniqueGently(migrations.AddConstraint):
    """AddConstraint of a unique constraint with a condition, which is an index: on PostgreSQL made CONCURRENTLY.

    The migration needs `atomic = False`.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            statement: Any = self.constraint.create_sql(model, schema_editor)
            concurrently = str(statement).replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY", 1)
            schema_editor.execute(concurrently, params=None)


class RemoveIndexGently(migrations.RemoveIndex):
    """RemoveIndex, on PostgreSQL with DROP INDEX CONCURRENTLY. The migration needs `atomic = False`."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            state = from_state.models[app_label, self.model_name_lower]
            schema_editor.remove_index(model, state.get_index_by_name(self.name), **_concurrently(schema_editor))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            state = to_state.models[app_label, self.model_name_lower]
            schema_editor.add_index(model, state.get_index_by_name(self.name), **_concurrently(schema_editor))


class DropKeyIndexGently(migrations.AlterField):
    """AlterField of a foreign key whose new state has no index of its own, on PostgreSQL with DROP INDEX CONCURRENTLY.

    The migration needs `atomic = False`. Only the index may differ.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            for name in self._names(schema_editor, model):
                schema_editor.execute(
                    f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}", params=None
                )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            statement: Any = schema_editor._create_index_sql(model, fields=[self._field(model)])  # type: ignore[attr-defined]
            schema_editor.execute(str(statement).replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY"), params=None)

    def _field(self, model: type[models.Model]) -> "models.Field[Any, Any]":
        field: models.Field[Any, Any] = model._meta.get_field(self.name)  # type: ignore[assignment]
        return field

    def _names(self, schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model]) -> list[str]:
        """Of the indexes of this column alone that Django made by itself."""
        own = {index.name for index in model._meta.indexes}
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
        return [
            name
            for name, about in found.items()
            if about["columns"] == [self._field(model).column]
            and about["index"]
            and not (about["unique"] or about["primary_key"] or name in own)
        ]


class DropUniqueGently(DropKeyIndexGently):
    """AlterField of a column that was `unique`, on PostgreSQL with DROP INDEX CONCURRENTLY of the index for LIKE.

    The constraint itself goes at once. The migration needs `atomic = False`. Only uniqueness may differ.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = from_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            return
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            table, column = model._meta.db_table, self._field(model).column
            names: list[str] = schema_editor._constraint_names(  # type: ignore[attr-defined]
                model, [column], unique=True, primary_key=False, exclude=set(_own(to_state, app_label, self.model_name))
            )
            for name in names:
                schema_editor.execute(
                    f"ALTER TABLE {schema_editor.quote_name(table)} DROP CONSTRAINT {schema_editor.quote_name(name)}",
                    params=None,
                )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        migrations.AlterField.database_backwards(self, app_label, schema_editor, from_state, to_state)


def _own(state: ProjectState, app_label: str, model_name: str) -> list[str]:
    return [each.name for each in state.models[app_label, model_name.lower()].options["constraints"]]


def _concurrently(schema_editor: BaseDatabaseSchemaEditor) -> dict[str, Any]:
    return {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
