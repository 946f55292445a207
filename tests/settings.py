"""Settings of the tests: SQLite, in a file, because workers use threads and processes of their own.

A process that a test starts gets the test's database through AGENTS_TEST_SQLITE (see `child_environment`).
"""

import os
import tempfile
from pathlib import Path

from project.databases import sqlite

# One file per process, so that several may test at the same time; Django removes it.
database_file = os.environ.get("AGENTS_TEST_SQLITE") or Path(
    os.environ.get("AGENTS_TEST_MEMORY") or tempfile.gettempdir(), f"agents-app-test-{os.getpid()}.sqlite3"
)

SECRET_KEY = "tests-only-tests-only-tests-only-tests-only-tests-only"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "Asia/Kolkata"  # not UTC, so that a mix-up shows
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
LOGIN_URL = "admin:login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "agents_app",  # before the admin, whose first page it adds its numbers to
    "agents_app.knowledge",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "django_q",
    "channels",
    "project.demo",
]
MIDDLEWARE = [
    "project.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": sqlite(database_file)}
# Left alone, Django would test in memory, and every thread would see a database of its own.
DATABASES["default"]["TEST"] = {"NAME": str(database_file)}

Q_CLUSTER = {
    "name": "agents",
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 5,
    "ack_failures": True,
    "save_limit": -1,
    "poll": 0.1,
    "catch_up": False,
}
AGENTS_APP = {
    "EXECUTOR": "immediate",
    "APPROVAL_EXPIRES_SECONDS": "never",
    "KNOWLEDGE_PAGE_SECONDS": 60.0,  # a busy machine
    "KNOWLEDGE_FOLDER": f"{database_file}-knowledge",
    "ENCRYPTION_KEYS": ["dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="],
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
