"""What a start allowed, kept for a retry; events of priority, of limits and of budgets."""

from django.db import migrations, models

from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0016_approval_times"),
    ]

    operations = [
        migrations.AddField(
            model_name="rundetails",
            name="narrowed",
            field=models.JSONField(
                blank=True, help_text="Steps and seconds that its start allowed, where it said so.", null=True
            ),
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
                            "budget.changed",
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
