"""A small shop with a support agent: an example of how a project uses agents_app."""
