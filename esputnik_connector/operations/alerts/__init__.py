"""Tell chosen people by mail when something stops, and when it is well again."""
