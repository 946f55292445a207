"""`manage.py agents_…`: one file per command."""
