from django.db import migrations, models

from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0005_event_handlers"),
    ]

    operations = [
        migrations.CreateModel(
            name="DefinitionRecord",
            fields=[
                ("hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("agent", models.CharField(max_length=100)),
                ("version", models.CharField(max_length=100)),
                ("facts", models.JSONField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "definition record",
            },
        ),
        migrations.AddField(
            model_name="rundetails",
            name="held_code",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="What holds it, if no person does.", max_length=40
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
                            "approval.expired",
                            "approval.rejected",
                            "approval.requested",
                            "approval.withdrawn",
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
    ]
