"""A project's Celery app, as its documentation has it; for workers that tests start."""

from celery import Celery

app = Celery("tests")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
