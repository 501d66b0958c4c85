"""Events: their payload, their identity and what eSputnik answers to them."""
