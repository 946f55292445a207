"""What runs are told of memory and knowledge, and the events of both."""

import django.db.models.deletion
from django.db import migrations, models

from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0029_grants_in_the_plural"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunBriefing",
            fields=[
                (
                    "context",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="briefing",
                        serialize=False,
                        to="agents_app.agentcontext",
                        verbose_name="run",
                    ),
                ),
                ("content", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "briefing of a run",
                "verbose_name_plural": "briefings of runs",
            },
        ),
        migrations.AddField(
            model_name="agentstep",
            name="sent",
            field=models.JSONField(
                blank=True, help_text="What its request was built from, where memory or knowledge took part.", null=True
            ),
        ),
        migrations.AddField(
            model_name="rundetails",
            name="without_knowledge",
            field=models.BooleanField(help_text="Its start wanted it to look nothing up.", null=True),
        ),
        migrations.AddField(
            model_name="rundetails",
            name="without_memory",
            field=models.BooleanField(help_text="Its start wanted it to remember nothing.", null=True),
        ),
        ReplaceCheck(
            model_name="agentevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "approval.approved",
                            "approval.claimed",
                            "approval.edited",
                            "approval.endorsed",
                            "approval.escalated",
                            "approval.expired",
                            "approval.overdue",
                            "approval.reassigned",
                            "approval.rejected",
                            "approval.released",
                            "approval.reminded",
                            "approval.requested",
                            "approval.sent_back",
                            "approval.withdrawn",
                            "budget.changed",
                            "budget.exceeded",
                            "budget.reserved",
                            "budget.settled",
                            "grant.made",
                            "grant.revoked",
                            "input.answered",
                            "input.expired",
                            "input.requested",
                            "input.withdrawn",
                            "memory.updated",
                            "message.produced",
                            "retrieval.completed",
                            "run.cancel_requested",
                            "run.cancelled",
                            "run.code_changed",
                            "run.completed",
                            "run.erased",
                            "run.failed",
                            "run.held_back",
                            "run.hidden",
                            "run.paused",
                            "run.prioritised",
                            "run.recovered",
                            "run.resumed",
                            "run.retried",
                            "run.revealed",
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
    ]
