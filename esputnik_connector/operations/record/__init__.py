"""What support does with one record: find, preview, send, compare."""
