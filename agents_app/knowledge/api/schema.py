"""The OpenAPI description of documents over REST: its own, as the addresses are included on their own."""

from agents_app.api.schema import Description as OfRuns
from agents_app.api.schema import OurGenerator

INFO = {"title": "Knowledge", "version": "1", "description": "Collections, their documents, and the search in them."}


class KnowledgeGenerator(OurGenerator):
    """Describes this app's endpoints alone."""

    info = INFO

    def describes(self, module: str) -> bool:
        """Whether the views of this module are part of it."""
        return module.startswith("agents_app.knowledge.")


class Description(OfRuns):
    """OpenAPI as YAML, or as JSON with `Accept: application/vnd.oai.openapi+json`."""

    generator_class = KnowledgeGenerator
