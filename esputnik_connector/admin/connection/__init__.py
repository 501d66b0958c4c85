"""The connection's page: key, switches, tables of fields and statuses."""
