"""Settings of the demo project. It listens on this machine only: SECRET_KEY and DEBUG are no example for a server.

Environment: AGENTS_DEMO_DB (path of the SQLite file), DATABASE_URL (PostgreSQL instead), REDIS_URL (channel layer),
AGENTS_LLM or a provider's key (a real LLM instead of the offline one), ALLOWED_HOSTS (more names, comma-separated).
"""

import os
from pathlib import Path

from project.databases import postgresql, sqlite

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ.get("SECRET_KEY", "demo-only-demo-only-demo-only-demo-only-demo-only")
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *filter(None, os.environ.get("ALLOWED_HOSTS", "").split(","))]

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
    "django.middleware.security.SecurityMiddleware",
    "project.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "project.demo.context.demo",
            ],
        },
    },
]

# Database, queue, live

DEMO_DB = Path(os.environ.get("AGENTS_DEMO_DB") or BASE_DIR / ".demo" / "db.sqlite3")
if "DATABASE_URL" in os.environ:
    DATABASES = {"default": postgresql(os.environ["DATABASE_URL"])}
else:
    DEMO_DB.parent.mkdir(parents=True, exist_ok=True)
    DATABASES = {"default": sqlite(DEMO_DB)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Server and queue share it: throttling counts here, and the cluster gives its signs of life.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DEMO_DB.parent / "cache",
    },
}

# The queue carries hints only (the rows are the truth), so a task may be lost or doubled; `retry` still exceeds
# timeout × (2 + queue_limit / workers), because django-q2 counts a task's time from the moment it is fetched.
Q_CLUSTER = {
    "name": "agents",
    "orm": "default",
    "workers": 2,
    "queue_limit": 2,
    "timeout": 180,
    "retry": 900,
    "max_attempts": 5,
    "ack_failures": True,
    "save_limit": -1,
    "poll": 0.1,
    "catch_up": False,
    "recycle": 500,
    "log_level": "WARNING",
}
if "DATABASE_URL" in os.environ:
    Q_CLUSTER["broker_class"] = "agents_app.brokers.postgresql.PostgreSQLBroker"
if "REDIS_URL" in os.environ:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
        },
    }

# Agents


def default_llm() -> str:
    """A real LLM as soon as there is a key for one."""
    if chosen := os.environ.get("AGENTS_LLM"):
        return chosen
    if "OPENAI_API_KEY" in os.environ or "OPENAI_BASE_URL" in os.environ:
        return "openai:gpt-5-mini"
    if "ANTHROPIC_API_KEY" in os.environ:
        return "anthropic:claude-sonnet-4-5"
    return "demo"


AGENTS_APP = {
    "DEFAULT_LLM": default_llm(),
    "KNOWLEDGE_FOLDER": str(DEMO_DB.parent / "knowledge"),
    "SITE_URL": os.environ.get("AGENTS_SITE_URL", "http://127.0.0.1:8000"),
    "NOTIFY": {"browser": {}},
    "ENCRYPTION_KEYS": [os.environ.get("AGENTS_ENCRYPTION_KEY", "ZGVtby1vbmx5LWRlbW8tb25seS1kZW1vLW9ubHktZGU=")],
}

# What is said on the terminal: not every answer of 4xx (with a traceback for each refusal), nor what is as usual.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "agents_app": {"handlers": ["console"], "level": "WARNING"},
    },
}

# Doors

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {"TITLE": "Agents", "VERSION": "1"}
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
STATIC_URL = "static/"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # those that agents_app speaks
TIME_ZONE = "UTC"
USE_TZ = True
