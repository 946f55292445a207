"""Indexes that others cover go, and no index of runs speaks of the status: so a change of status touches none."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents_app.models.fields
from agents_app.migrations._indexes import AddIndexGently, DropKeyIndexGently, RemoveIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents_app", "0010_hide_and_erase"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexGently(
            model_name="rundetails",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)), fields=["ended_at"], name="agents_details_ended"
            ),
        ),
        RemoveIndexGently(
            model_name="agentcontext",
            name="agents_context_ended",
        ),
        DropKeyIndexGently(
            model_name="agentcontext",
            name="user",
            field=agents_app.models.fields.UserForeignKey(db_index=False, related_name="agent_runs"),
        ),
        DropKeyIndexGently(
            model_name="agentstep",
            name="context",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="steps",
                to="agents_app.agentcontext",
                verbose_name="run",
            ),
        ),
        DropKeyIndexGently(
            model_name="rundetails",
            name="subject_type",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                to="contenttypes.contenttype",
            ),
        ),
        DropKeyIndexGently(
            model_name="toolcall",
            name="context",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tool_calls",
                to="agents_app.agentcontext",
                verbose_name="run",
            ),
        ),
        DropKeyIndexGently(
            model_name="toolcall",
            name="proposed_by",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="proposed_calls",
                to="agents_app.agentstep",
            ),
        ),
    ]
