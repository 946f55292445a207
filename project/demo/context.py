"""What every page of the demo may show."""

from django.http import HttpRequest

from project.demo.people import PEOPLE
from project.demo.welcome import is_offline


def demo(request: HttpRequest) -> dict[str, object]:
    """Whether the LLM is the offline one, and who can log in."""
    return {"offline_llm": is_offline(), "demo_people": PEOPLE}
