"""How urgent a run is, the slots under limits on how many are driven at once, and runs that wait for one."""

import django.db.models.deletion
from django.db import migrations, models

from agents_app.migrations._gentle import AddCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0007_budgets"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunSlot",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("limit", models.CharField(max_length=300)),
                ("claim_number", models.PositiveIntegerField()),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="agents_app.agentcontext",
                        verbose_name="run",
                    ),
                ),
            ],
            options={"verbose_name": "slot"},
        ),
        migrations.AddConstraint(
            model_name="runslot",
            constraint=models.UniqueConstraint(fields=("limit", "context"), name="agents_slot_once"),
        ),
        migrations.AddField(
            model_name="agentcontext",
            name="at_limit",
            field=models.CharField(
                blank=True,
                help_text="The limit at which it was held back: no slot was free.",
                max_length=300,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="agentcontext",
            name="at_limit_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="agentcontext",
            name="priority",
            field=models.SmallIntegerField(db_default=0, default=0, help_text="1 is high, 0 normal, -1 low."),
        ),
        AddCheck(
            model_name="agentcontext",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", [-1, 0, 1])), name="agents_context_priority"
            ),
        ),
    ]
