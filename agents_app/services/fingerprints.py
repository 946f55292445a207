"""What a run was started with, as far as a second start with the same idempotency key must be about the same."""

import hashlib
import json

from agents_app.models import AgentContext


def fingerprint(text: str, session: str | None, subject: str) -> str:
    """A hash of input, session's key and subject's key."""
    return hashlib.sha256(json.dumps([text, session, subject]).encode()).hexdigest()


def fingerprint_of(context: AgentContext) -> str:
    """The same of a run that was started."""
    session = context.session.key if context.session else None
    return fingerprint(context.details.input, session, context.details.subject_id)
