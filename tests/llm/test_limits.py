"""Which limits hold for which name, and who is asked when it is down."""

import pytest
from django.test import override_settings

from agents_app.exceptions import UnknownLLM
from agents_app.llm import candidates, known, limits_of, resolve

LLMS = {
    "fast": "openai:gpt-5-mini",
    "quick": "fast",
    "slow": {"llm": "fast", "requests_per_minute": 6},
    "local": {"llm": "openai:qwen3", "base_url": "http://localhost:8080/v1"},
    "through": {"llm": "local"},
    "safe": {"llm": "fast", "fallback_llms": ["local", "anthropic:claude-haiku-4-5"]},
    "safer": "safe",
    "round": {"llm": "demo", "fallback_llms": ["about"]},
    "about": {"llm": "demo", "fallback_llms": ["round", "fast"]},
    "openai:gpt-5": {"llm": "openai:gpt-5", "max_concurrent": 2},
}


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("fast", "openai:gpt-5-mini"),
        ("quick", "openai:gpt-5-mini"),
        ("openai:gpt-5-mini", "openai:gpt-5-mini"),
        ("slow", "slow"),
        ("local", "local"),
        ("through", "local"),
        ("openai:gpt-5", "openai:gpt-5"),
        ("demo", "demo"),
    ],
)
def test_under_which_name_an_llm_is_counted(name: str, counted: str) -> None:
    with override_settings(AGENTS_APP={"LLMS": LLMS}):
        assert limits_of(name)[0] == counted


def test_the_limits_of_an_alias() -> None:
    with override_settings(AGENTS_APP={"LLMS": LLMS, "LLM_BREAKER": {"failures": 3}}):
        assert limits_of("slow")[1].requests_per_minute == 6
        assert limits_of("openai:gpt-5")[1].max_concurrent == 2
        breaker = limits_of("fast")[1].breaker
        assert breaker is not None
        assert (breaker.failures, breaker.window) == (3, 60)
        assert known("slow")
        assert resolve("slow") is not None


@pytest.mark.parametrize(
    ("name", "fallbacks", "found"),
    [
        ("fast", (), ("fast",)),
        ("fast", ("demo", "fast"), ("fast", "demo")),
        ("safe", (), ("safe", "local", "anthropic:claude-haiku-4-5")),
        ("safer", ("demo",), ("safer", "local", "anthropic:claude-haiku-4-5", "demo")),
        ("round", (), ("round", "about", "fast")),
        ("demo", ("safe",), ("demo", "safe", "local", "anthropic:claude-haiku-4-5")),
    ],
)
def test_who_is_asked(name: str, fallbacks: tuple[str, ...], found: tuple[str, ...]) -> None:
    with override_settings(AGENTS_APP={"LLMS": LLMS}):
        assert candidates(name, fallbacks) == found


@pytest.mark.parametrize(
    "options",
    [{"requests_per_minute": 0}, {"breaker": {"fails": 1}}, {"fallback_llms": "demo"}, {"requests": 3}],
    ids=str,
)
def test_an_alias_that_cannot_be_used_says_so(options: dict[str, object]) -> None:
    with override_settings(AGENTS_APP={"LLMS": {"mine": {"llm": "demo", **options}}}):
        assert not known("mine")
        with pytest.raises(UnknownLLM, match="mine"):
            resolve("mine")


def test_what_is_kept_is_read_anew_when_settings_change() -> None:
    for rate in (3, 4):
        llms = {"mine": {"llm": "demo", "requests_per_minute": rate, "fallback_llms": [f"demo-{rate}"]}}
        with override_settings(AGENTS_APP={"LLMS": llms}):
            for _ in range(2):
                assert limits_of("mine")[1].requests_per_minute == rate
                assert candidates("mine") == ("mine", f"demo-{rate}")


def test_a_name_that_no_row_could_hold() -> None:
    assert not known("openai:" + "x" * 200)
