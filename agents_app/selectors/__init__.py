"""Reads that the doors share."""
