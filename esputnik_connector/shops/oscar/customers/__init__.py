"""Customers, guests and their address books."""
