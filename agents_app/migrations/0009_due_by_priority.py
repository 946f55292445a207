"""The index of what is due, by priority, in the place of the one without; and the one of runs that wait for a slot."""

from django.db import migrations, models

from agents_app.migrations._indexes import AddIndexGently, RemoveIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents_app", "0008_priority_and_slots"),
    ]

    operations = [
        AddIndexGently(
            model_name="agentcontext",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["priority", "due_at"],
                name="agents_context_due_next",
            ),
        ),
        AddIndexGently(
            model_name="agentcontext",
            index=models.Index(
                condition=models.Q(("at_limit__isnull", False), ("due_at__isnull", False)),
                fields=["at_limit", "-priority", "at_limit_since"],
                name="agents_context_at_limit",
            ),
        ),
        RemoveIndexGently(model_name="agentcontext", name="agents_context_due"),
    ]
