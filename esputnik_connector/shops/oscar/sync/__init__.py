"""Walking over all of a shop, and telling what changed since."""
