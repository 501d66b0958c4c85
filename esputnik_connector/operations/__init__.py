"""What a person does about it: look, verify, preview, send again, clean up."""
