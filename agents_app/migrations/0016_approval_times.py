"""When questions are recalled, escalated and overdue."""

from django.db import migrations, models

import agents_app.core.approval_times
from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0015_policies_and_switches"),
    ]

    operations = [
        migrations.AddField(
            model_name="approvalrequest",
            name="escalate_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="escalate_to",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="escalate_to_group",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="escalated_at",
            field=models.DateTimeField(blank=True, help_text="Since when others may decide as well.", null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="on_expiry",
            field=models.CharField(
                db_default=agents_app.core.approval_times.OnExpiry["REJECT"],
                default=agents_app.core.approval_times.OnExpiry["REJECT"],
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="overdue_at",
            field=models.DateTimeField(
                blank=True, help_text="Since when it keeps waiting, though the time to decide is over.", null=True
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="remind_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="reminded_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="valid_seconds",
            field=models.FloatField(blank=True, help_text="How long an approval will be good.", null=True),
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
                            "approval.escalated",
                            "approval.expired",
                            "approval.overdue",
                            "approval.rejected",
                            "approval.reminded",
                            "approval.requested",
                            "approval.sent_back",
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
                            "run.erased",
                            "run.failed",
                            "run.hidden",
                            "run.paused",
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
