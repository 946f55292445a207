"""django-q2's cluster under supervision: what `manage.py agents_cluster` runs."""
