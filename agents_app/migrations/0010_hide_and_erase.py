"""Columns that are empty in every row there is, and three more events."""

from django.db import migrations, models

from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0009_due_by_priority"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="agentcontext",
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("view_transcript", "Can read what was said and done in runs"),
                    ("view_sensitive", "Can see sensitive arguments of tool calls"),
                    ("start_run", "Can start runs"),
                    ("control_run", "Can cancel, pause, resume and retry runs"),
                    ("hide_run", "Can hide runs, and show them again"),
                    ("view_hidden", "Can see hidden runs"),
                    ("erase_user", "Can erase what runs hold of a person"),
                ],
                "verbose_name": "run",
            },
        ),
        migrations.AddField(
            model_name="agentcontext",
            name="hidden_at",
            field=models.DateTimeField(blank=True, help_text="Since when it is hidden.", null=True),
        ),
        migrations.AddField(
            model_name="archivedrun",
            name="erased_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="archivedrun",
            name="hidden_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rundetails",
            name="erased_at",
            field=models.DateTimeField(
                blank=True, help_text="Since then it holds nothing of its user any more.", null=True
            ),
        ),
        migrations.AddField(
            model_name="rundetails",
            name="hidden_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="rundetails",
            name="hidden_why",
            field=models.TextField(blank=True, db_default="", default=""),
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
