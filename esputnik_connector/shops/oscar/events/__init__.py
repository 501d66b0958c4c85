"""Events of an Oscar shop: alerts and wish lists, and who waits for which product."""
