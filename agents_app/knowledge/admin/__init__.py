"""A DOOR: the Django admin. Importing it registers with the default site; `register_with` serves any other."""

from django.contrib import admin

from agents_app.knowledge.admin.collections import CollectionAdmin
from agents_app.knowledge.admin.documents import DocumentAdmin
from agents_app.knowledge.models import Collection, Document

__all__ = ["register_with"]


def register_with(site: admin.AdminSite) -> None:
    """Register the pages of this app with an admin site."""
    site.register(Collection, CollectionAdmin)
    site.register(Document, DocumentAdmin)


register_with(admin.site)
