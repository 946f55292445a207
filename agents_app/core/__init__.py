"""DECIDES: the rules of a run as pure functions. No Django, no I/O, no clock."""
