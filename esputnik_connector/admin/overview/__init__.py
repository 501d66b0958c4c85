"""The page that a merchant opens each morning."""
