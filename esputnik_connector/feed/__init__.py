"""The product file that a CDP fetches."""
