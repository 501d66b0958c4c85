"""Things that happened: found by looking, noted once, told while they are true."""
