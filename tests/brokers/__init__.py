"""django-q2 brokers."""
