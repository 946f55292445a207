"""A DOOR: documents over REST."""
