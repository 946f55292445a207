"""Who may look things up, and who may put them there. Doors and search ask here; a rule stands once.

A collection is seen by everybody if it is public; by members of the groups among its viewers; by holders of the
permission that it names; and by holders of `agents_knowledge.view_collection`, of all collections or, where the project
has object permissions, of this one. Nobody (a run without a user) sees what is public. Who may add, read again or
remove documents has `add_document`, `change_document`, `delete_document`, of all or of this collection, and sees it.
"""

from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet

from agents_app.conf import conf
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


class Sight(StrEnum):
    """What somebody sees: what is public, everything, or what depends on who they are."""

    PUBLIC = "public"
    EVERYTHING = "everything"
    OWN = "own"


def sight_of(user: Any) -> Sight:
    """How much this person sees; None is nobody."""
    if user is None or not user.is_active or not getattr(user, "is_authenticated", False):
        return Sight.PUBLIC
    return Sight.EVERYTHING if user.has_perm(VIEW) else Sight.OWN


def seen_with(sight: Sight) -> "QuerySet[Collection]":
    """The collections that everybody sees who sees as much as this, which is not OWN."""
    return there().filter(public=True) if sight is Sight.PUBLIC else there()


def visible_collections(user: Any) -> "QuerySet[Collection]":
    """The collections that this person sees; None is nobody. Its filter can be a part of any query."""
    sight = sight_of(user)
    return own_collections(user, there())[0] if sight is Sight.OWN else seen_with(sight)


def own_collections(user: Any, rows: "QuerySet[Collection]") -> tuple["QuerySet[Collection]", list[Collection]]:
    """Of these what this person sees, if that depends on who they are: as a part of any query, and as it is now.

    The rows are looked at once. An object's permission is asked for last: backends without such say no, and ask no
    database.
    """
    in_groups = _in_groups(user)
    read = list(rows.annotate(in_groups=in_groups))
    held = [name for name in sorted({row.permission for row in read} - {""}) if user.has_perm(name)]
    seen = {row.pk for row in read if row.public or row.in_groups or row.permission in held}
    granted = [row.pk for row in read if row.pk not in seen and user.has_perm(VIEW, row)]
    query = rows.filter(Q(public=True) | Q(permission__in=held) | in_groups | Q(pk__in=granted))
    return query, [row for row in read if row.pk in seen or row.pk in granted]


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


def _in_groups(user: Any) -> Q:
    """The collections with one of this person's groups among their viewers."""
    if not hasattr(user, "groups"):
        return Q(pk__in=())
    groups = user.groups.values_list("pk", flat=True)
    if groups.db != conf.DATABASE:  # no statement reads both
        groups = list(groups)
    through = Collection.viewers.through._default_manager
    return Q(pk__in=through.filter(group_id__in=groups).values("collection_id"))
