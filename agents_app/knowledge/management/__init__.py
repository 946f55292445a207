"""The command line of this app."""
