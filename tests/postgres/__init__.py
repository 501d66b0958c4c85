"""Django's PostgreSQL backend, but a test that commits is cleaned up by DELETE.

TRUNCATE of a hundred small tables takes a second, DELETE from them a twentieth of it. Tables that
hold what ``migrate`` made (content types, permissions, sites) keep their rows.
"""
