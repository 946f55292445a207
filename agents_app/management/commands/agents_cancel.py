"""manage.py agents_cancel"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, cancel_run


class Command(ControlCommand):
    help = "Ask a run to end. What has not started is not started; what has started is waited for."
    gives_reason = True
    pending = " and will end as soon as what has started is over"

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return cancel_run(run_id, by=by, reason=reason)
