"""How the LLMs stand."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import CloseBreaker
from agents_app.api.idempotency import once
from agents_app.api.openapi import all_of, operation
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiView
from agents_app.selectors.llms import VIEW_LLM, LLMShape, llm_as_dict, llm_named, may_view_llms, visible_llms
from agents_app.selectors.people import lacking
from agents_app.services import close_breaker


class LLMs(ApiView):
    """The LLMs that have limits, or have failed."""

    @operation("llms_list", "List LLMs", answer=all_of(LLMShape))
    def get(self, request: Any) -> Response:
        """Those that have limits or have failed, by name. Needs the permission agents_app.view_llmstate."""
        if not may_view_llms(request.user):
            raise lacking(VIEW_LLM)
        return Response({"results": [llm_as_dict(row) for row in visible_llms(request.user)]})


class CloseLLM(ApiView):
    """Let an LLM that is down be asked again."""

    @operation("llms_close", "Close an LLM's breaker", body=CloseBreaker, answer=LLMShape, errors=[404, 409])
    def post(self, request: Any) -> Response:
        """Let an LLM that is down be asked again at once. Needs the permission agents_app.close_breaker."""
        body = body_of(request.data, CloseBreaker)

        def act() -> dict[str, Any]:
            close_breaker(body.name, by=request.user)
            return llm_as_dict(llm_named(visible_llms(request.user), body.name))

        return once(request, 200, act)
