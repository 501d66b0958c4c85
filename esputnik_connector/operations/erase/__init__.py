"""Erase a person or a guest at the destination, for good."""
