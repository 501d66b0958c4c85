"""People: the contact's payload, the account's fields, uploads, subscriptions and deletions."""
