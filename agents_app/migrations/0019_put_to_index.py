"""The inbox of one person is read by index."""

from django.db import migrations, models

from agents_app.migrations._indexes import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("agents_app", "0018_who_may_decide")]

    operations = [
        AddIndexGently(
            model_name="approvalrequest",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["group", "stage_permission", "permission", "created_at"],
                name="agents_approval_put_to",
            ),
        ),
        AddIndexGently(
            model_name="approvalrequest",
            index=models.Index(
                condition=models.Q(("status", "pending"), models.Q(("claimed_by_key", ""), _negated=True)),
                fields=["claimed_by_key"],
                name="agents_approval_claimed",
            ),
        ),
    ]
