"""Being asked to end. A supervised worker learns it here; others work until their slice is over."""

import threading

closing = threading.Event()
"""Set when this process shall come to an end: nothing new is taken, and what is open is given DRAIN_SECONDS."""
