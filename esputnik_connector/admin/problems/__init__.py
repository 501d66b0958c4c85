"""“Problems”: what needs a person, by its cause."""

from . import page

__all__ = ["page"]
