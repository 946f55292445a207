"""DECLARES: what an author writes. Agents, tools, hooks and markers, and what they resolve to."""
