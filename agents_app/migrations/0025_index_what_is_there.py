"""Indexes of columns that are mostly empty hold only rows in which they are not."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents_app.models.fields
from agents_app.migrations._indexes import (
    AddIndexGently,
    AddUniqueGently,
    DropKeyIndexGently,
    DropUniqueGently,
    RemoveIndexGently,
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents_app", "0024_unknown_outcomes_told"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexGently(
            model_name="agentcontext",
            index=models.Index(
                condition=models.Q(("user__isnull", False)), fields=["user", "-id"], name="agents_context_of_user"
            ),
        ),
        AddIndexGently(
            model_name="agentcontext",
            index=models.Index(
                condition=models.Q(("session__isnull", False)),
                fields=["session", "-id"],
                name="agents_context_of_session",
            ),
        ),
        AddIndexGently(
            model_name="rundetails",
            index=models.Index(
                condition=models.Q(("subject_type__isnull", False)),
                fields=["subject_type", "subject_id"],
                name="agents_details_about",
            ),
        ),
        AddIndexGently(
            model_name="rundetails",
            index=models.Index(
                condition=models.Q(("started_by__isnull", False)), fields=["started_by"], name="agents_details_starter"
            ),
        ),
        AddUniqueGently(
            model_name="rundetails",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("idempotency_key",),
                name="agents_details_idempotency_key",
            ),
        ),
        RemoveIndexGently(model_name="agentcontext", name="agents_context_user"),
        RemoveIndexGently(model_name="rundetails", name="agents_details_subject"),
        DropKeyIndexGently(
            model_name="agentcontext",
            name="session",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="agents_app.agentsession",
            ),
        ),
        DropKeyIndexGently(
            model_name="rundetails",
            name="started_by",
            field=agents_app.models.fields.UserForeignKey(db_index=False, related_name="+"),
        ),
        DropUniqueGently(
            model_name="rundetails",
            name="idempotency_key",
            field=models.CharField(blank=True, max_length=300, null=True),
        ),
    ]
