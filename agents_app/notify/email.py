"""E-mail, through whatever Django sends mail with."""

import smtplib
from collections.abc import Iterable
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from agents_app.conf import conf
from agents_app.notify.channels import Channel, ChannelDown
from agents_app.notify.messages import Message

DJANGOS_OWN = "webmaster@localhost"
ABOUT_THE_MESSAGE = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)
TEMPORARY = range(400, 500)


class EmailChannel(Channel):
    """sender: the address in From; DEFAULT_FROM_EMAIL if left out."""

    def __init__(self, sender: str = "") -> None:
        self._sender = sender

    @property
    def sender(self) -> str:
        """Whom the mail comes from."""
        return self._sender or settings.DEFAULT_FROM_EMAIL

    def send(self, message: Message) -> None:
        """Raises ValueError for somebody without an address, ChannelDown and what SMTP raises."""
        address = str(getattr(message.recipient, message.recipient.get_email_field_name(), "") or "")
        if not address:
            raise ValueError("This person has no e-mail address.")
        mail = EmailMultiAlternatives(
            subject=message.subject,
            body=message.text,
            from_email=self.sender,
            to=[address],
            headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
            connection=get_connection(timeout=conf.NOTIFY_SECONDS),
        )
        mail.attach_alternative(message.html, "text/html")
        try:
            mail.send()
        except ABOUT_THE_MESSAGE:
            raise
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelDown(f"The mail server did not take it: {type(error).__name__}: {error}") from error

    def problems(self) -> Iterable[str]:
        if self.sender == DJANGOS_OWN or "@" not in parseaddr(self.sender)[1]:
            yield "it has no sender: set DEFAULT_FROM_EMAIL, or the option “sender”"
