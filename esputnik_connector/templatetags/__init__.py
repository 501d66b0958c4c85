"""Tags for templates: the menu of the connector's pages in the admin."""
