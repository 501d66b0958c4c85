"""What a project needs to test its own use of the connector without an eSputnik account."""
