"""A door: live runs and commands over websockets (Django Channels)."""
