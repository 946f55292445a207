"""What was made of the older part of long talks."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0030_briefings"),
    ]

    operations = [
        migrations.CreateModel(
            name="SessionSummary",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="summary",
                        serialize=False,
                        to="agents_app.agentsession",
                        verbose_name="session",
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("upto", models.UUIDField(blank=True, null=True)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("llm", models.CharField(blank=True, max_length=200)),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("asked", models.UUIDField(blank=True, null=True)),
                ("asked_upto", models.UUIDField(blank=True, null=True)),
                ("asked_digest", models.CharField(blank=True, max_length=64)),
                ("attempts", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name": "summary of a session",
                "verbose_name_plural": "summaries of sessions",
            },
        ),
    ]
