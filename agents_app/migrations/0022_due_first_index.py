"""The inbox shows what expires soonest first, read by index."""

from django.db import migrations, models

from agents_app.migrations._indexes import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("agents_app", "0021_risk")]

    operations = [
        AddIndexGently(
            model_name="approvalrequest",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["expires_at", "created_at", "id"],
                name="agents_approval_due_first",
            ),
        ),
    ]
