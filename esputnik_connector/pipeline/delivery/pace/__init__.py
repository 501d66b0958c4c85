"""How fast a lane sends, and when it waits."""
