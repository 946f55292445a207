"""The uses of a standing grant are read by index."""

from django.db import migrations, models

from agents_app.migrations._indexes import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("agents_app", "0026_standing_grants")]

    operations = [
        AddIndexGently(
            model_name="toolcall",
            index=models.Index(
                condition=models.Q(("grant__isnull", False)), fields=["grant"], name="agents_call_of_grant"
            ),
        ),
    ]
