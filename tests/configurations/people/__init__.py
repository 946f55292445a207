"""A project's own user: logs in with an e-mail address, and has a UUID as key."""
