"""The set-up of a storefront at its account: each step with its own state, and again if wanted."""
