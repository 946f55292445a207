"""Which port the demo takes."""

import socket

import pytest

from project.demo import ports
from tests.ports import own_port

pytestmark = pytest.mark.once


def test_a_taken_port_is_passed_over():
    number = own_port()
    with socket.socket() as taken:
        taken.bind((ports.HOST, number))
        taken.listen()
        assert ports.free_port(number) > number
    assert ports.free_port(number) == number


def test_without_any_port_it_says_so(monkeypatch):
    monkeypatch.setattr(ports, "TRIES", 1)
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        with pytest.raises(OSError, match="No free port"):
            ports.free_port(taken.getsockname()[1])


def test_nobody_answers_on_a_free_port():
    assert not ports.answers(own_port(), "/")
