"""The shop as a Django app. Its label is `shop`, so that permissions and references read `shop.…`."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Orders, customers and refunds."""

    name = "project.demo"
    label = "shop"
    verbose_name = "Shop"
