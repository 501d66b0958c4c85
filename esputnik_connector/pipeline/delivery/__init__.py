"""From a row of the outbox to a receipt, and what is written down of it."""
