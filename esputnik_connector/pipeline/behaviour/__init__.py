"""Behaviour on its way: who wants it, how it is carried, and when it is too late or too much."""
