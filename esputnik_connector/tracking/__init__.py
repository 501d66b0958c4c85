"""What visitors of the shop's site do: noted in their request, told by the storefront's routes."""
