"""What was refused or set aside, by what it has in common, and what a person does with it."""
