"""What is put to a group is read by index, also where some of it was escalated."""

from django.db import migrations, models

from agents_app.migrations._indexes import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("agents_app", "0032_memory")]

    operations = [
        AddIndexGently(
            model_name="approvalrequest",
            index=models.Index(
                condition=models.Q(("escalated_at__isnull", False), ("status", "pending")),
                fields=["escalate_to_group"],
                name="agents_approval_escalated",
            ),
        ),
    ]
