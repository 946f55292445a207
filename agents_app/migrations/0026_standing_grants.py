"""Standing grants, and which of them allowed a call."""

import django.db.models.deletion
from django.db import migrations, models

import agents_app.models.fields
from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0025_index_what_is_there"),
    ]

    operations = [
        migrations.CreateModel(
            name="StandingGrant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("agent", models.CharField(max_length=100)),
                ("tool", models.CharField(max_length=100)),
                ("scope", models.CharField(max_length=8)),
                ("user_key", models.CharField(blank=True, max_length=64)),
                ("user_name", models.CharField(blank=True, max_length=200)),
                (
                    "conditions",
                    models.JSONField(blank=True, default=list, help_text="None: whatever the arguments are."),
                ),
                ("uses", models.PositiveIntegerField(default=0)),
                ("uses_left", models.PositiveIntegerField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True)),
                ("owner_key", models.CharField(max_length=64)),
                ("owner_name", models.CharField(max_length=200)),
                ("door", models.CharField(max_length=20)),
                ("made_at", models.DateTimeField()),
                ("request_key", models.UUIDField()),
                ("run_key", models.UUIDField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_by_key", models.CharField(blank=True, max_length=64)),
                ("revoked_by_name", models.CharField(blank=True, max_length=200)),
                ("revoked_reason", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "standing grant",
                "ordering": ["-id"],
                "permissions": [("revoke_standinggrant", "Can revoke standing grants of others")],
            },
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
        migrations.AddField(
            model_name="standinggrant",
            name="session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="agents_app.agentsession",
            ),
        ),
        migrations.AddField(
            model_name="toolcall",
            name="grant",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="What allowed its last start, where no person was asked.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="calls",
                to="agents_app.standinggrant",
                verbose_name="standing grant",
            ),
        ),
        migrations.AddIndex(
            model_name="standinggrant",
            index=models.Index(condition=models.Q(("revoked_at", None)), fields=["tool"], name="agents_grant_of_tool"),
        ),
        migrations.AddIndex(
            model_name="standinggrant",
            index=models.Index(fields=["owner_key"], name="agents_grant_owner_key"),
        ),
        migrations.AddConstraint(
            model_name="standinggrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["agent", "session", "user"])), name="agents_grant_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="standinggrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scope", "session"), ("session__isnull", False)),
                    models.Q(("scope", "user"), models.Q(("user_key", ""), _negated=True)),
                    ("scope", "agent"),
                    _connector="OR",
                ),
                name="agents_grant_has_its_scope",
            ),
        ),
        migrations.AddConstraint(
            model_name="standinggrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("owner_key", ""), _negated=True), name="agents_grant_owner"
            ),
        ),
    ]
