"""The supervised cluster: its parts, and real processes that are killed."""
