"""What is written down of each receipt."""
