"""Addresses of the REST API: `path("api/", include("agents_app.urls"))`."""

from django.urls import path

from agents_app.api.push import push
from agents_app.api.schema import Description
from agents_app.api.stream import stream_events
from agents_app.api.views import (
    agents,
    approvals,
    budgets,
    calls,
    inputs,
    llms,
    notifications,
    policies,
    run_parts,
    runs,
    sessions,
    tickets,
)

app_name = "agents_app"

urlpatterns = [
    path("agents/", agents.Agents.as_view(), name="agents"),
    path("agents/<str:name>/", agents.Agent.as_view(), name="agent"),
    path("runs/", runs.Runs.as_view(), name="runs"),
    path("runs/<str:run_id>/", runs.RunDetail.as_view(), name="run"),
    path("runs/<str:run_id>/cancel/", runs.Cancel.as_view(), name="run-cancel"),
    path("runs/<str:run_id>/pause/", runs.Pause.as_view(), name="run-pause"),
    path("runs/<str:run_id>/resume/", runs.Resume.as_view(), name="run-resume"),
    path("runs/<str:run_id>/code-change/", runs.ChangeOfCode.as_view(), name="run-code-change"),
    path("runs/<str:run_id>/retry/", runs.Retry.as_view(), name="run-retry"),
    path("runs/<str:run_id>/priority/", runs.SetRunPriority.as_view(), name="run-priority"),
    path("runs/<str:run_id>/hide/", runs.Hide.as_view(), name="run-hide"),
    path("runs/<str:run_id>/reveal/", runs.Reveal.as_view(), name="run-reveal"),
    path("runs/<str:run_id>/steps/", run_parts.Steps.as_view(), name="run-steps"),
    path("runs/<str:run_id>/budgets/", run_parts.RunBudgets.as_view(), name="run-budgets"),
    path("runs/<str:run_id>/tool-calls/", run_parts.RunCalls.as_view(), name="run-tool-calls"),
    path("runs/<str:run_id>/events/", run_parts.Events.as_view(), name="run-events"),
    path("runs/<str:run_id>/events/stream", stream_events, name="run-events-stream"),
    path("runs/<str:run_id>/transcript/", run_parts.Transcript.as_view(), name="run-transcript"),
    path("tool-calls/", calls.ToolCalls.as_view(), name="tool-calls"),
    path("tool-calls/<str:call_id>/", calls.Call.as_view(), name="tool-call"),
    path("tool-calls/<str:call_id>/settle/", calls.SettleCall.as_view(), name="tool-call-settle"),
    path("approvals/", approvals.Approvals.as_view(), name="approvals"),
    path("approvals/<str:request_id>/", approvals.Approval.as_view(), name="approval"),
    path("approvals/<str:request_id>/approve/", approvals.ApproveRequest.as_view(), name="approval-approve"),
    path("approvals/<str:request_id>/send-back/", approvals.SendBackRequest.as_view(), name="approval-send-back"),
    path("approvals/<str:request_id>/reject/", approvals.RejectRequest.as_view(), name="approval-reject"),
    path("input-requests/", inputs.Inputs.as_view(), name="input-requests"),
    path("input-requests/<str:request_id>/", inputs.Input.as_view(), name="input-request"),
    path("input-requests/<str:request_id>/answer/", inputs.AnswerInput.as_view(), name="input-request-answer"),
    path("policies/", policies.Policies.as_view(), name="policies"),
    path("policies/check/", policies.PolicyCheck.as_view(), name="policy-check"),
    path("policies/<str:policy_id>/", policies.Policy.as_view(), name="policy"),
    path("policies/<str:policy_id>/change/", policies.ChangePolicy.as_view(), name="policy-change"),
    path("policies/<str:policy_id>/remove/", policies.RemovePolicy.as_view(), name="policy-remove"),
    path("switches/", policies.Switches.as_view(), name="switches"),
    path("switches/<str:switch_id>/on/", policies.SwitchOn.as_view(), name="switch-on"),
    path("budgets/", budgets.Budgets.as_view(), name="budgets"),
    path("llms/", llms.LLMs.as_view(), name="llms"),
    path("llms/close/", llms.CloseLLM.as_view(), name="llm-close"),
    path("notification-preferences/", notifications.Preferences.as_view(), name="notification-preferences"),
    path("sessions/", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/<str:session_id>/", sessions.Session.as_view(), name="session"),
    path("tickets/", tickets.Tickets.as_view(), name="tickets"),
    path("push/", push, name="push"),
    path("schema/", Description.as_view(), name="schema"),
]
