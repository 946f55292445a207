"""django-q2's Redis broker as those use it who send: what does not answer soon is left to the sweep."""

from typing import Any

import redis
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from redis.backoff import NoBackoff
from redis.retry import Retry

from agents_app.conf import conf


class ImpatientRedis(Redis):  # type: ignore[misc]  # django-q2 has no types
    """Asks once, and for SUBMIT_SECONDS at most. What Q_CLUSTER["redis"] itself says of times and retries goes before.

    A client of its own choice tries for four seconds where Redis refuses, and for a minute where it hangs; older
    ones for ever.
    """

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """As the parent's, with little patience."""
        patience: dict[str, Any] = {
            "socket_connect_timeout": conf.SUBMIT_SECONDS,
            "socket_timeout": conf.SUBMIT_SECONDS,
            "retry": Retry(NoBackoff(), 0),  # the connection is new: there is no stale one to try again for
        }
        if isinstance(Conf.REDIS, str):
            return redis.from_url(Conf.REDIS, **patience)
        return redis.StrictRedis(**{**patience, **Conf.REDIS})
