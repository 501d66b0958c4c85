"""What a deletion has to do besides being sent: who was deleted stays deleted."""
