"""Alerts and wish lists: who waits for which product."""
