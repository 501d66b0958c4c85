"""How an answer of eSputnik is read, and what in it proves a record."""
