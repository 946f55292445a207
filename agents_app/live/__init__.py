"""TELLS: live clients learn that there is news, and read the rows."""
