"""The OpenAPI description of this API alone, whatever else the project has."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.response import Response

from agents_app.api.throttling import ApiThrottle

INFO = {
    "title": "Agents",
    "version": "1",
    "description": "Runs of AI agents, and the people who decide, answer and watch.",
}


class OurGenerator(SchemaGenerator):
    """Leaves the project's own endpoints, and its title, out of our description."""

    info: Mapping[str, str] = INFO

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        """The description."""
        return {**super().get_schema(request, public), "info": self.info}  # type: ignore[no-untyped-call]  # the library's

    def _get_paths_and_endpoints(self) -> list[Any]:
        endpoints = super()._get_paths_and_endpoints()  # type: ignore[no-untyped-call]  # the library's
        return [each for each in endpoints if self.describes(type(each[3]).__module__)]

    def describes(self, module: str) -> bool:
        """Whether the views of this module are part of it. Knowledge, an app of its own, describes itself."""
        return module.startswith("agents_app.") and not module.startswith("agents_app.knowledge.")


class Description(SpectacularAPIView):
    """OpenAPI as YAML, or as JSON with `Accept: application/vnd.oai.openapi+json`."""

    generator_class = OurGenerator
    throttle_classes = [ApiThrottle]
    throttle_scope = "agents_read"

    @extend_schema(exclude=True)
    def get(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """The description."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # the library's
        return response
