"""An app whose `agents.py` is found."""
