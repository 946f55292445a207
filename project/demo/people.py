"""The people of the demo: who logs in, and what they may do."""

from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q

VIEW = (
    "agents_app.view_agentcontext",
    "agents_app.view_agentevent",
    "agents_app.view_agentsession",
    "agents_app.view_agentstep",
    "agents_app.view_approvalrequest",
    "agents_app.view_decision",
    "agents_app.view_inputrequest",
    "agents_app.view_toolcall",
    "shop.view_customer",
    "shop.view_order",
    "shop.view_orderline",
    "shop.view_refund",
)
DECIDE = (
    "agents_app.view_transcript",
    "agents_app.decide_approvalrequest",
    "agents_app.settle_toolcall",
    "shop.refund_order",
)
LEAD = (
    "agents_app.start_run",
    "agents_app.control_run",
    "agents_app.view_sensitive",
    "agents_app.answer_inputrequest",
    "agents_app.view_agentbudget",
    "agents_app.add_agentbudget",
    "agents_app.change_agentbudget",
    "agents_app.view_llmstate",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A login of the demo. The password is the user name: the demo listens on this machine only."""

    username: str
    first_name: str
    last_name: str
    group: str | None
    permissions: tuple[str, ...] = ()
    staff: bool = True
    superuser: bool = False
    purpose: str

    @property
    def email(self) -> str:
        """Where the shop would write to."""
        return f"{self.username}@example.org"


PEOPLE = (
    Person(username="admin", first_name="Ada", last_name="Admin", group=None, superuser=True, purpose="may do all"),
    Person(
        username="approver",
        first_name="Anna",
        last_name="Approver",
        group="Approvers",
        permissions=VIEW + DECIDE,
        purpose="decides about refunds",
    ),
    Person(
        username="lead",
        first_name="Leo",
        last_name="Lead",
        group="Leads",
        permissions=VIEW + DECIDE + LEAD,
        purpose="decides, pauses and retries runs",
    ),
    Person(
        username="viewer",
        first_name="Vera",
        last_name="Viewer",
        group="Viewers",
        permissions=VIEW,
        purpose="sees runs, not what is said in them",
    ),
    Person(
        username="customer",
        first_name="Carla",
        last_name="Customer",
        group="Customers",
        permissions=("agents_app.start_run",),
        staff=False,
        purpose="asks the agent",
    ),
)


def create_people() -> None:
    """Users and groups as declared. What exists is brought to that, a changed password is left."""
    for person in PEOPLE:
        user, created = User.objects.update_or_create(
            username=person.username,
            defaults={
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "is_staff": person.staff,
                "is_superuser": person.superuser,
            },
        )
        if created:
            user.set_password(person.username)
            user.save(update_fields=["password"])
        if person.group:
            group, _ = Group.objects.get_or_create(name=person.group)
            group.permissions.set(_permissions(person.permissions))
            user.groups.add(group)


def _permissions(names: tuple[str, ...]) -> list[Permission]:
    """Raises LookupError for a name that no model declares."""
    wanted = Q()
    for name in names:
        label, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=label, codename=codename)
    found = list(Permission.objects.filter(wanted).select_related("content_type"))
    missing = set(names) - {f"{row.content_type.app_label}.{row.codename}" for row in found}
    if missing:
        raise LookupError(f"No such permissions: {', '.join(sorted(missing))}")
    return found
