"""How a name of the code reads, wherever people see it: on the pages of the admin and on that of a link."""


def humanized(name: str) -> str:
    """`order_number` → `Order number`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else name
