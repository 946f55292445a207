"""What agents may look up: collections of documents that people put there."""
