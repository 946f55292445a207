"""What runs, sessions and users may spend."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import SetBudget
from agents_app.api.filters import BudgetFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList
from agents_app.selectors.budgets import budget_as_dict, visible_budgets
from agents_app.selectors.shapes import BudgetShape
from agents_app.services import set_budget
from agents_app.services.budgets import owner_named


class Budgets(ApiList):
    """The budgets that one may know of."""

    filterset_class = BudgetFilter

    @operation(
        "budgets_list", "List budgets", answer=page_of(BudgetShape), errors=[400], parameters=PAGING, filters=True
    )
    def get(self, request: Any) -> Response:
        """Your own, and those of your runs and sessions; all with the permission agents_app.view_agentbudget."""
        return self.page(visible_budgets(request.user), budget_as_dict)

    @operation("budgets_set", "Set a budget", body=SetBudget, answer=BudgetShape, errors=[404, 409])
    def post(self, request: Any) -> Response:
        """Of one run, session or user. What was spent stays. Needs the permission agents_app.change_agentbudget."""
        body = body_of(request.data, SetBudget)

        def act() -> dict[str, Any]:
            owner = owner_named(request.user, run=body.run, session=body.session, user=body.user)
            made = set_budget(body.budget(), by=request.user, period=body.period, ends_at=body.ends_at, **owner)
            return budget_as_dict(made)

        return once(request, 200, act)
