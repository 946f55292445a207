"""Which agents there are."""

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from agents_app.api.openapi import all_of, operation
from agents_app.api.view import ApiView
from agents_app.definitions.registry import registry
from agents_app.exceptions import NotFound, NotPermitted, UnknownAgent
from agents_app.selectors.people import START, may_view_agents
from agents_app.selectors.presentation import agent_as_dict
from agents_app.selectors.shapes import AgentShape

NAME = OpenApiParameter("name", {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"}, OpenApiParameter.PATH)


class _Agents(ApiView):
    def check_permissions(self, request: Any) -> None:
        super().check_permissions(request)
        if not may_view_agents(request.user):
            text = gettext("This needs the permission %(permission)s, or one to watch runs or to decide.")
            raise NotPermitted(text % {"permission": START}, rule=START)


class Agents(_Agents):
    """All agents, by name."""

    @operation("agents_list", "List agents", answer=all_of(AgentShape))
    def get(self, request: Any) -> Response:
        """All agents, with the JSON schemas of their answers and tools."""
        return Response({"results": [agent_as_dict(definition) for definition in registry.all()]})


class Agent(_Agents):
    """One agent."""

    @operation("agents_read", "Read an agent", answer=AgentShape, errors=[404], parameters=[NAME])
    def get(self, request: Any, name: str) -> Response:
        """The agent of this name, or that had it formerly."""
        try:
            return Response(agent_as_dict(registry.get(name)))
        except UnknownAgent as error:
            raise NotFound(error.message) from error
