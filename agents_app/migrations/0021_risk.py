"""How bad a wrong yes would be, on each request; in every row there is it is medium."""

from django.db import migrations, models

import agents_app.core.risk


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0020_audit_chain"),
    ]

    operations = [
        migrations.AddField(
            model_name="approvalrequest",
            name="risk",
            field=models.CharField(
                db_default=agents_app.core.risk.Risk["MEDIUM"],
                default=agents_app.core.risk.Risk["MEDIUM"],
                max_length=10,
            ),
        ),
    ]
