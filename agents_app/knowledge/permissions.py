"""Who may look things up, and who may put them there. Doors and search ask here; a rule stands once.

A collection is seen by everybody if it is public; by members of the groups among its viewers; by holders of the
permission that it names; and by holders of `agents_knowledge.view_collection`, of all collections or, where the project
has object permissions, of this one. Nobody (a run without a user) sees what is public. Who may add, read again or
remove documents has `add_document`, `change_document`, `delete_document`, of all or of this collection, and sees it.
"""

from typing import Any

from django.db.models import Q, QuerySet

from agents_app.knowledge.models import Collection, Document

VIEW = "agents_knowledge.view_collection"
ADD = "agents_knowledge.add_document"
CHANGE = "agents_knowledge.change_document"
DELETE = "agents_knowledge.delete_document"
ADD_COLLECTION = "agents_knowledge.add_collection"
CHANGE_COLLECTION = "agents_knowledge.change_collection"
DELETE_COLLECTION = "agents_knowledge.delete_collection"


def there() -> "QuerySet[Collection]":
    """All collections but those that have been removed, and are being deleted."""
    return Collection.objects.filter(removed_at__isnull=True)


def visible_collections(user: Any) -> "QuerySet[Collection]":
    """The collections that this person sees; None is nobody. Its filter can be a part of any query."""
    rows = there()
    if user is None or not user.is_active or not getattr(user, "is_authenticated", False):
        return rows.filter(public=True)
    if user.has_perm(VIEW):
        return rows
    may = Q(public=True) | Q(permission__in=_held(user))
    if hasattr(user, "groups"):
        through = Collection.viewers.through._default_manager
        groups = list(user.groups.values_list("pk", flat=True))
        may |= Q(pk__in=through.filter(group_id__in=groups).values("collection_id"))
    return rows.filter(may | Q(pk__in=_by_object(user, may)))


def sees_any(user: Any) -> bool:
    """Whether there is a collection for this person. The admin asks on each of its pages: it is looked up once."""
    known: bool | None = getattr(user, "_agents_knowledge_sees_any", None)
    if known is None:
        known = there().exists() and visible_collections(user).exists()
        user._agents_knowledge_sees_any = known  # as Django keeps a user's permissions: for one request
    return known


def visible_documents(user: Any) -> "QuerySet[Document]":
    """The documents of these collections."""
    return Document.objects.filter(collection__in=visible_collections(user))


def may(user: Any, permission: str, collection: Collection) -> bool:
    """Whether this person has the permission, of all collections or of this one, and sees it."""
    if user is None or not user.is_active:
        return False
    allowed = user.has_perm(permission) or user.has_perm(permission, collection)
    return bool(allowed and visible_collections(user).filter(pk=collection.pk).exists())


def _held(user: Any) -> list[str]:
    """Of the permissions that collections name those which this person has."""
    named = Collection.objects.exclude(permission="").order_by().values_list("permission", flat=True).distinct()
    return [name for name in named if user.has_perm(name)]


def _by_object(user: Any, otherwise: Q) -> list[Any]:
    """What this person sees by a permission of the object alone. Backends without such say no, and ask no database."""
    return [row.pk for row in there().exclude(otherwise) if user.has_perm(VIEW, row)]
