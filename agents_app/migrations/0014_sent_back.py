"""A call that was sent back has an event of its own."""

from django.db import migrations, models

from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0013_llm_waits"),
    ]

    operations = [
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
