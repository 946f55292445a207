"""A websocket client on a plain socket, which takes nothing from it until it is asked to."""

import json
import socket
from typing import Any, Self

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

SOON = 60.0


class RawClient:
    """receive_buffer: bytes that the system may keep for a client that does not read. `numbers`: the events read."""

    def __init__(self, port: int, path: str, *, host: str = "127.0.0.1", receive_buffer: int = 0) -> None:
        self.numbers: list[int] = []
        self._protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}{path}"))
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(SOON)
        self._socket.connect((host, port))
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def events_until(self, sequence: int) -> list[int]:
        """The numbers of the events up to this one, as they come."""
        while not self.numbers or self.numbers[-1] < sequence:
            assert self._read(), f"The server closed with {self._protocol.close_code}."
        return self.numbers

    def closed_with(self) -> int | None:
        """The code with which the server closes; what came before is read. None if it only hung up."""
        while self._read():
            pass
        return self._protocol.close_code

    def _read(self) -> bool:
        """Take what has come; False at the end."""
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            self._take(event)
        self._flush()
        return bool(data)

    def _take(self, event: Any) -> None:
        if getattr(event, "opcode", None) is Opcode.TEXT:
            frame = json.loads(event.data)
            if frame["type"] == "event":
                self.numbers.append(frame["sequence"])

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                try:
                    self._socket.sendall(data)
                except ConnectionError:
                    return
