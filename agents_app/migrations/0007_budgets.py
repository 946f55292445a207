from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents_app.models.budget
import agents_app.models.fields
from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0006_code_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentBudget",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("scope", models.CharField(editable=False, max_length=8)),
                (
                    "period",
                    models.CharField(
                        choices=[("ever", "ever"), ("hour", "hour"), ("day", "day"), ("month", "month")],
                        default="ever",
                        help_text="After it, spending begins anew, by the project's time zone.",
                        max_length=8,
                    ),
                ),
                (
                    "steps",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="LLM turns and tool calls together.", null=True
                    ),
                ),
                ("tool_calls", models.PositiveBigIntegerField(blank=True, null=True)),
                ("tokens", models.PositiveBigIntegerField(blank=True, null=True)),
                ("money", agents_app.models.budget.MoneyField(blank=True, null=True, verbose_name="money (USD)")),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, help_text="Nothing more may be spent after this.", null=True),
                ),
                ("from_settings", models.BooleanField(default=False, editable=False)),
                ("window_at", models.DateTimeField(editable=False, help_text="When the present period began.")),
                ("steps_spent", models.BigIntegerField(default=0, editable=False)),
                ("tool_calls_spent", models.BigIntegerField(default=0, editable=False)),
                ("tokens_spent", models.BigIntegerField(default=0, editable=False)),
                ("tokens_reserved", models.BigIntegerField(default=0, editable=False)),
                ("money_spent", agents_app.models.budget.MoneyField(default=Decimal("0"), editable=False)),
                ("money_reserved", agents_app.models.budget.MoneyField(default=Decimal("0"), editable=False)),
            ],
            options={
                "verbose_name": "budget",
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="agentstep",
            name="reservation",
            field=models.JSONField(blank=True, help_text="What its attempts reserved in budgets.", null=True),
        ),
        ReplaceCheck(
            model_name="agentevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "approval.approved",
                            "approval.edited",
                            "approval.expired",
                            "approval.rejected",
                            "approval.requested",
                            "approval.withdrawn",
                            "budget.exceeded",
                            "budget.reserved",
                            "budget.settled",
                            "input.answered",
                            "input.expired",
                            "input.requested",
                            "input.withdrawn",
                            "message.produced",
                            "run.cancel_requested",
                            "run.cancelled",
                            "run.code_changed",
                            "run.completed",
                            "run.failed",
                            "run.paused",
                            "run.recovered",
                            "run.resumed",
                            "run.retried",
                            "run.scheduled",
                            "run.started",
                            "run.waiting",
                            "step.completed",
                            "step.failed",
                            "step.started",
                            "tool_call.cancelled",
                            "tool_call.failed",
                            "tool_call.proposed",
                            "tool_call.ready",
                            "tool_call.rejected",
                            "tool_call.settled",
                            "tool_call.started",
                            "tool_call.succeeded",
                            "tool_call.unknown",
                        ],
                    )
                ),
                name="agents_event_type",
            ),
        ),
        migrations.AddField(
            model_name="agentbudget",
            name="context",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="budgets",
                to="agents_app.agentcontext",
                verbose_name="run",
            ),
        ),
        migrations.AddField(
            model_name="agentbudget",
            name="session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="budgets",
                to="agents_app.agentsession",
            ),
        ),
        migrations.AddField(
            model_name="agentbudget",
            name="user",
            field=agents_app.models.fields.UserForeignKey(related_name="agent_budgets"),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["run", "session", "user"])), name="agents_budget_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.CheckConstraint(
                condition=models.Q(("period__in", ["day", "ever", "hour", "month"])), name="agents_budget_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("context__isnull", False), ("scope", "run"), ("session__isnull", True), ("user__isnull", True)
                    ),
                    models.Q(
                        ("context__isnull", True),
                        ("scope", "session"),
                        ("session__isnull", False),
                        ("user__isnull", True),
                    ),
                    models.Q(("context__isnull", True), ("scope", "user"), ("session__isnull", True)),
                    _connector="OR",
                ),
                name="agents_budget_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.UniqueConstraint(fields=("context", "period"), name="agents_budget_of_run"),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.UniqueConstraint(fields=("session", "period"), name="agents_budget_of_session"),
        ),
        migrations.AddConstraint(
            model_name="agentbudget",
            constraint=models.UniqueConstraint(fields=("user", "period"), name="agents_budget_of_user"),
        ),
    ]
