"""What a merchant or developer does to one connection."""
