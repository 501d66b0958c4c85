"""Is everything as it should be? Findings for the doctor and for pages."""
