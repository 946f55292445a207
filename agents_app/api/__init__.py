"""A DOOR: REST. Bodies and answers are JSON; every command is one of `agents_app.services`."""
