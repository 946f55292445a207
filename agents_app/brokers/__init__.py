"""WHERE: brokers for django-q2, which carry its messages."""
