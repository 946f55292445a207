import pytest

from tests.conftest import missing
from tests.knowledge.django_pages import CannotGetPages, Page, pages
from tests.knowledge.questions import release


@pytest.fixture(scope="session")
def django_pages(request: pytest.FixtureRequest) -> list[Page]:
    """All pages of Django's documentation; skips loudly where PyPI cannot be reached."""
    try:
        return pages(release(), request.config.cache.mkdir("django-pages"))
    except CannotGetPages as error:
        missing("the pages of Django's documentation", str(error))
