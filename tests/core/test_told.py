"""A message that knows what it was translated from."""

import copy
import pickle

from agents_app.core.told import Told, to_store


def test_a_message_tells_what_is_stored_of_it() -> None:
    message = Told("Es sind 3.", "There are %(count)s.", {"count": 3})
    assert message == "Es sind 3."
    for same in (message, copy.copy(message), pickle.loads(pickle.dumps(message))):
        assert to_store(same) == ("There are %(count)s.", {"count": 3})


def test_any_other_string_is_stored_as_it_is() -> None:
    assert to_store("50% of it") == to_store(Told("50% of it")) == ("50% of it", {})
