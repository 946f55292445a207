"""What keeps the database small, done every few minutes: archiving, and deleting what nobody needs any more."""

import time
from datetime import datetime, timedelta
from typing import Any

from agents_app.conf import conf
from agents_app.core.status import ENDED
from agents_app.memory.expiry import remove_old as remove_old_memory
from agents_app.models import Notification, NotificationPreference, PartialReply, StoredResponse, database_now
from agents_app.models.fields import first_uuid7
from agents_app.models.notification import SETTLED
from agents_app.services.anchoring import make_anchors
from agents_app.services.archiving import Archiving, archive_runs

BATCH = 1000


def clean_up(seconds: float) -> Archiving:
    """Delete old answers to REST requests, old notifications and what is left of LLMs' unfinished texts; make the
    day's audit anchor; then archive for the rest of `seconds`."""
    until = time.monotonic() + seconds
    delete_old_responses(database_now() - timedelta(days=conf.RESPONSE_DAYS))
    _delete(PartialReply.objects.filter(context__status__in=ENDED))
    delete_old_notifications(database_now() - timedelta(days=conf.NOTIFICATION_DAYS))
    remove_old_memory()
    make_anchors(seconds=seconds / 2)  # before archiving: archived runs leave their head, and no event
    return archive_runs(seconds=until - time.monotonic())


def delete_old_responses(before: datetime) -> int:
    """Answers to requests with an Idempotency-Key that came before this moment. Gives their number."""
    # By the key, which is made of the time and has an index.
    return _delete(StoredResponse.objects.filter(pk__lt=first_uuid7(before)))


def delete_old_notifications(before: datetime) -> int:
    """Notifications made before this moment that were sent, or have nothing to tell any more. Gives their number."""
    _delete(NotificationPreference.objects.filter(user_id__isnull=True))
    return _delete(Notification.objects.filter(pk__lt=first_uuid7(before), state__in=SETTLED))


def _delete(rows: Any) -> int:
    """In small transactions: others want to write, too."""
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted += rows.model.objects.filter(pk__in=keys).delete()[0]
    return deleted
