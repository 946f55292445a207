"""DOES: takes runs, performs what is decided, records what came of it."""
