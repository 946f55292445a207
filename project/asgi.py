"""ASGI: pages, API and static files over HTTP; live runs over websockets."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
http = ASGIStaticFilesHandler(get_asgi_application())

from agents_app.ws.routing import not_found, websocket_urlpatterns  # the line above made Django's apps ready for it

application = ProtocolTypeRouter(
    {
        "http": http,
        # No AllowedHostsOriginValidator: the sockets check the origin themselves, and say so by their close code.
        "websocket": AuthMiddlewareStack(URLRouter([*websocket_urlpatterns, re_path("", not_found)])),
    }
)
