"""The merchant's settings, a page for each question; and that two people do not undo each other."""
