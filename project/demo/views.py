"""The customer's pages. They work without JavaScript; with it they follow a run while it moves."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from agents_app.exceptions import AgentsError, NotFound
from agents_app.models import AgentContext
from agents_app.selectors.people import START, their_own, visible_runs
from agents_app.selectors.runs import one_of
from agents_app.services import answer_input, cancel_run, start_run
from project.demo.agents import SupportAgent
from project.demo.conversation import conversation_of, words_for
from project.demo.forms import AnswerForm, StartForm
from project.demo.shop import orders_of

SHOWN = 50
EXAMPLES = (
    "Where is my order A-1004?",
    "The kettle of A-1001 broke, please refund it.",
    "Please refund 10 EUR of A-1003, the tea towel has a hole.",
    "I want my money back.",
)


@never_cache
@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The customer's runs and orders, and a form for a new run."""
    return _home(request, StartForm())


@never_cache
@login_required
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """The list of runs alone, for the page that refreshes it."""
    return render(request, "demo/_runs.html", {"runs": _listed(request)})


@login_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start a run and go to its page."""
    user = _user(request)
    if not user.has_perm(START):
        raise PermissionDenied
    form = StartForm(request.POST)
    if not form.is_valid():
        return _home(request, form, status=400)
    key = form.cleaned_data["key"]
    try:
        run = start_run(SupportAgent, form.cleaned_data["input"], user=user, idempotency_key=str(key) if key else None)
    except AgentsError as error:
        form.add_error("input", error.message)
        return _home(request, form, status=400)
    return redirect("shop:run", run.id)


@never_cache
@login_required
@require_GET
def run_page(request: HttpRequest, run_id: str) -> HttpResponse:
    """One run, followed live."""
    return render(request, "demo/run.html", {"conversation": conversation_of(_own_run(request, run_id))})


@never_cache
@login_required
@require_GET
def run_fragment(request: HttpRequest, run_id: str) -> HttpResponse:
    """The part of a run's page that changes."""
    return render(request, "demo/_conversation.html", {"conversation": conversation_of(_own_run(request, run_id))})


@login_required
@require_POST
def answer(request: HttpRequest, run_id: str, request_id: str) -> HttpResponse:
    """Answer the agent's question."""
    run = _own_run(request, run_id)
    question = _found(run.input_requests.select_related("step"), request_id)
    form = AnswerForm(question, request.POST)
    if form.is_valid():
        try:
            answer_input(question.pk, form.answer(), by=request.user)
            return redirect("shop:run", run.pk)
        except AgentsError as error:
            form.add_error(None, error.message)
    run.refresh_from_db()
    return render(request, "demo/run.html", {"conversation": conversation_of(run, form)}, status=400)


@login_required
@require_POST
def cancel(request: HttpRequest, run_id: str) -> HttpResponse:
    """Cancel the run."""
    run = _own_run(request, run_id)
    try:
        cancel_run(run.pk, by=request.user)
    except AgentsError as error:
        messages.error(request, error.message)
    return redirect("shop:run", run.pk)


def _home(request: HttpRequest, form: StartForm, status: int = 200) -> HttpResponse:
    user = _user(request)
    values = {
        "form": form,
        "examples": EXAMPLES,
        "may_start": user.has_perm(START),
        "orders": orders_of(user).filter(customer__user=user).prefetch_related("lines"),
        "runs": _listed(request),
    }
    return render(request, "demo/home.html", values, status=status)


def _own_runs(request: HttpRequest) -> "QuerySet[AgentContext]":
    """Staff read others' runs in the admin; here everybody sees their own."""
    runs: QuerySet[AgentContext] = their_own(visible_runs(request.user), request.user)
    return runs


def _own_run(request: HttpRequest, run_id: str) -> AgentContext:
    return cast(AgentContext, _found(_own_runs(request), run_id))


def _listed(request: HttpRequest) -> list[dict[str, Any]]:
    runs = _own_runs(request).order_by("-id")[:SHOWN]
    return [{"run": run, "status": status, "tone": tone} for run in runs for status, tone in [words_for(run)]]


def _found(rows: Any, key: str) -> Any:
    try:
        return one_of(rows, key)
    except NotFound as error:
        raise Http404(error.message) from error


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
