"""What all views of the API have in common."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections, transaction
from django.utils.module_loading import import_string
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings

from agents_app.api.errors import answer_to
from agents_app.api.pagination import NewestFirst
from agents_app.api.parsing import StrictJSONParser
from agents_app.api.throttling import ApiThrottle
from agents_app.conf import conf
from agents_app.models import AgentContext
from agents_app.selectors.archives import run_seen_by
from agents_app.selectors.people import visible_runs
from agents_app.selectors.presentation import rows_for_runs, run_as_dict
from agents_app.services import Origin


class ApiView(GenericAPIView[Any]):
    """JSON in, JSON out, for people who are logged in. Nothing here depends on the project's DRF settings but how
    people log in, and the rates that it sets."""

    schema = AutoSchema()
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    permission_classes = [IsAuthenticated]
    throttle_classes = [ApiThrottle]
    throttle_scope = "agents_command"
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    metadata_class = None
    filter_backends: Any = []
    pagination_class: Any = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, outside of ATOMIC_REQUESTS: commands have their own transactions, and waiting must see others'."""
        view = super().as_view(**initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def get_authenticators(self) -> list[Any]:
        """AGENTS_APP["API_AUTHENTICATION_CLASSES"], else the project's own."""
        paths = conf.API_AUTHENTICATION_CLASSES
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES if paths is None else map(import_string, paths)
        return [authenticator() for authenticator in classes]

    def get_authenticate_header(self, request: Any) -> str:
        """Never empty: without it DRF answers 403 where nobody is logged in."""
        return super().get_authenticate_header(request) or 'Session realm="api"'

    def get_exception_handler(self) -> Any:
        """One shape, whatever the project's handler makes of errors."""
        return answer_to

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise exceptions.MethodNotAllowed(request.method)

    # What views use.

    @property
    def origin(self) -> Origin:
        """This door, and the address that the server saw."""
        return Origin.of_request("rest", self.request)

    def run(self, run_id: Any) -> AgentContext:
        """A run that this person may know of. Raises NotFound, and Archived."""
        user = self.request.user
        return run_seen_by(user, run_id, rows_for_runs(visible_runs(user)))

    def run_as_json(self, run_id: Any) -> dict[str, Any]:
        """The same as JSON, as of now."""
        return run_as_dict(self.run(run_id), self.request.user)


class ApiList(ApiView):
    """A list in pages, with filters."""

    filter_backends = [DjangoFilterBackend]
    pagination_class = NewestFirst
    filterset_class: Any = None

    def get_queryset(self) -> Any:
        """No rows; their model alone, for the description. Views ask `selectors` for what they list."""
        return self.filterset_class.Meta.model._default_manager.none()

    def page(self, rows: Any, present: Callable[[Any], dict[str, Any]]) -> Response:
        """One page of these rows."""
        page: Iterable[Any] = self.paginate_queryset(self.filter_queryset(rows)) or []
        return self.get_paginated_response([present(row) for row in page])
