"""Events: what types there are, finding those that no signal reports, and reading them."""
