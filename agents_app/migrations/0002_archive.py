"""Archives of ended runs. Two new tables, and a column that is empty in every row there is: no long lock."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents_app.core.status
import agents_app.models.archive
import agents_app.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Archive",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(help_text="Of the file in the storage.", max_length=300, unique=True)),
                ("state", models.CharField(default=agents_app.models.archive.ArchiveState["WRITING"], max_length=12)),
                ("created_at", models.DateTimeField()),
                ("format", models.PositiveSmallIntegerField(default=1)),
                ("sha256", models.CharField(blank=True, help_text="Of the compressed file.", max_length=64)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of the compressed file.")),
                ("runs", models.PositiveIntegerField(default=0)),
                (
                    "keys",
                    models.JSONField(default=list, help_text="Names of the keys that sealed what is sensitive in it."),
                ),
            ],
            options={
                "verbose_name": "archive",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ArchivedRun",
            fields=[
                ("id", models.UUIDField(editable=False, help_text="The run's id.", primary_key=True, serialize=False)),
                ("agent", models.CharField(max_length=100)),
                ("user_name", models.CharField(blank=True, max_length=200)),
                ("status", models.CharField(max_length=24)),
                ("version", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("archived_at", models.DateTimeField()),
                ("idempotency_key", models.CharField(blank=True, max_length=300, null=True, unique=True)),
                (
                    "fingerprint",
                    models.CharField(
                        blank=True, help_text="Of what was started with the idempotency key.", max_length=64
                    ),
                ),
            ],
            options={
                "verbose_name": "archived run",
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="rundetails",
            name="restored_at",
            field=models.DateTimeField(
                blank=True, help_text="It was archived and brought back since then, to be read only.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="archive",
            index=models.Index(
                condition=models.Q(("state", agents_app.models.archive.ArchiveState["COMPLETE"]), _negated=True),
                fields=["state"],
                name="agents_archive_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="archive",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["complete", "doomed", "writing"])), name="agents_archive_state"
            ),
        ),
        migrations.AddField(
            model_name="archivedrun",
            name="archive",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="agents_app.archive"
            ),
        ),
        migrations.AddField(
            model_name="archivedrun",
            name="session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="archived_runs",
                to="agents_app.agentsession",
            ),
        ),
        migrations.AddField(
            model_name="archivedrun",
            name="user",
            field=agents_app.models.fields.UserForeignKey(related_name="archived_agent_runs"),
        ),
        migrations.AddIndex(
            model_name="archivedrun",
            index=models.Index(fields=["user", "-id"], name="agents_archived_user"),
        ),
        migrations.AddConstraint(
            model_name="archivedrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["cancelled", "completed", "failed"])), name="agents_archived_status"
            ),
        ),
    ]
