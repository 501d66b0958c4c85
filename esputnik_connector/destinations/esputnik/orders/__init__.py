"""Orders: their payload, their event, their deletion, and money in eSputnik's numbers."""
