"""All that is known of one record: what happened to it, and what that means."""
