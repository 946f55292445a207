"""TELLS people what waits for them. Public: what a channel of your own needs."""

from agents_app.notify.channels import Channel, ChannelDown
from agents_app.notify.messages import Item, Message

__all__ = ["Channel", "ChannelDown", "Item", "Message"]
