"""Being asked to end. A supervised worker learns it here; others work until their slice is over."""

import threading

closing = threading.Event()
"""Set when this process shall come to an end: nothing new is taken, and what is open is given DRAIN_SECONDS."""

replaced = threading.Event()
"""Set in a worker process for which another is started when it ends, where Python cannot know that by itself."""
