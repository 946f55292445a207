"""Driving whatever is due, for a while: what cron starts where there is no queue."""

from agents_app.conf import conf
from agents_app.runtime.delivery import delivers
from agents_app.runtime.drive import Drive, drive_due
from agents_app.runtime.engines import engine


@delivers
def work_for(seconds: float | None = None) -> None:
    """Drive what is due until nothing is, nor soon will be; at most for a slice and its drain, or `seconds`."""
    where = engine()
    if where.inline:
        drive_due()
        return
    most = conf.SLICE_SECONDS + conf.DRAIN_SECONDS if seconds is None else seconds
    where.run(lambda on: Drive(on, others=True, seconds=most).run([]))
