"""Products, what they cost, and how they are shown."""
