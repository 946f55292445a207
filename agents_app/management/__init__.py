"""The command line: one door among the others."""
