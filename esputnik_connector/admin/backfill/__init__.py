"""Historical import: choose, look ahead, start, watch, repair."""
