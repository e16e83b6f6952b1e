"""The shop assistant's custom actions.

The action server imports this package (`--actions actions`); importing the modules registers their classes.
"""

from actions import complaints, conversation, fallback, faq, handoff, orders, products, returns

__all__ = ["complaints", "conversation", "fallback", "faq", "handoff", "orders", "products", "returns"]
