"""The plugin's fixtures, whether or not the distribution is installed."""

from agents_app.testing.pytest_plugin import agents, scripted_llm  # noqa: F401
