"""From a row of the outbox to an envelope, or to the reason why nothing is sent."""
