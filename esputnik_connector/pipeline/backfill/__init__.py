"""History, page by page, in the same lanes as live traffic."""
