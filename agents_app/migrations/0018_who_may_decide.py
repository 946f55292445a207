"""Who may decide, as columns that say nothing in every row there is; delegations and named approvers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents_app.models.fields
from agents_app.migrations._gentle import ReplaceCheck


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0017_priority_and_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Delegation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("giver_key", models.CharField(max_length=64)),
                ("giver_name", models.CharField(max_length=200, verbose_name="whose decisions")),
                ("receiver_key", models.CharField(max_length=64)),
                ("receiver_name", models.CharField(max_length=200, verbose_name="who decides instead")),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True)),
                ("made_by_name", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_by_name", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "verbose_name": "delegation",
                "ordering": ["-id"],
                "permissions": [("manage_delegation", "Can delegate decisions for others, and revoke that")],
            },
        ),
        migrations.CreateModel(
            name="NamedApprover",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stage", models.PositiveSmallIntegerField(default=0)),
                (
                    "round",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Whom it named for the arguments of that round."
                    ),
                ),
                ("person_key", models.CharField(max_length=64)),
                ("person_name", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name": "named approver",
            },
        ),
        migrations.AlterModelOptions(
            name="approvalrequest",
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("decide_approvalrequest", "Can approve and reject tool calls"),
                    (
                        "reassign_approvalrequest",
                        "Can hand approval requests that others have claimed to somebody else",
                    ),
                ],
                "verbose_name": "approval request",
            },
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="approvers",
            field=models.JSONField(blank=True, help_text="The rule on who may decide.", null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="claimed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="claimed_by_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="claimed_by_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="four_eyes",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Who asked for it may not approve it, nor who edited it."
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="group",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="named",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Only those may decide who are named."
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="quorum",
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="requester_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="requester_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="round",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="Grows with each edit; approvals of earlier rounds do not count."
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="stage",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text="Which of its stages it is at."),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="stage_permission",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="decision",
            name="on_behalf_of_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="decision",
            name="on_behalf_of_name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Whose decision this was, by a delegation.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="round",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="decision",
            name="stage",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
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
        ReplaceCheck(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "verdict__in",
                        ["approved", "edited", "endorsed", "give_up", "happened", "rejected", "sent_back", "try_again"],
                    )
                ),
                name="agents_decision_verdict",
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=["receiver_key"],
                name="agents_delegation_receiver",
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(fields=["giver_key"], name="agents_delegation_giver"),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("begins_at"))), name="agents_delegation_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("giver_key", models.F("receiver_key")), _negated=True),
                name="agents_delegation_two_people",
            ),
        ),
        migrations.AddField(
            model_name="namedapprover",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="named_approvers",
                to="agents_app.approvalrequest",
            ),
        ),
        migrations.AddIndex(
            model_name="namedapprover",
            index=models.Index(fields=["person_key", "request"], name="agents_named_approver_of"),
        ),
        migrations.AddConstraint(
            model_name="namedapprover",
            constraint=models.UniqueConstraint(
                fields=("request", "round", "stage", "person_key"), name="agents_named_approver_once"
            ),
        ),
    ]
