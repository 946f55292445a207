"""The agent that is measured."""
