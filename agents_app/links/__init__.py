"""A door: the page of the link in a mail that decides, with a confirmation, without logging in."""
