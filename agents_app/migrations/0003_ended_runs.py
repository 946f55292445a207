"""An index of the runs that have ended, by when. On PostgreSQL nobody waits while it is made."""

from django.db import migrations, models

import agents_app.core.status
from agents_app.migrations._indexes import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("agents_app", "0002_archive"),
    ]

    operations = [
        AddIndexGently(
            model_name="agentcontext",
            index=models.Index(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            agents_app.core.status.RunStatus["CANCELLED"],
                            agents_app.core.status.RunStatus["COMPLETED"],
                            agents_app.core.status.RunStatus["FAILED"],
                        ],
                    )
                ),
                fields=["status", "status_at"],
                name="agents_context_ended",
            ),
        ),
    ]
