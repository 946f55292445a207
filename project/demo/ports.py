"""Finding a free port, and seeing that a server answers on it."""

import contextlib
import http.client
import socket

HOST = "127.0.0.1"
TRIES = 100


def free_port(first: int) -> int:
    """The first port from `first` on that nobody listens on. Raises OSError if there is none among 100."""
    for port in range(first, min(first + TRIES, 65536)):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                candidate.bind((HOST, port))
                return port
    raise OSError(f"No free port from {first} on.")


def answers(port: int, path: str) -> bool:
    """Whether a server gives this page."""
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
