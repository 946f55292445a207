"""Registers the agent of the isolated tool, in the child alone."""

from agents_app import register
from tests.runtime.isolated_agents import Loner

register(Loner)
