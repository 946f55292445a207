"""The demo: a small shop whose agents ask people before they pay money back."""
