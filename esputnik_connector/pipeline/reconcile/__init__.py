"""Is what the destination was told still what the shop has? If not, send it."""
