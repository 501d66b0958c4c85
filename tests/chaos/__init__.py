"""The standing proof: real processes, a seeded driver, faults at random, and a judge.

``python -m tests.chaos --seed 7 --minutes 2``. See ``docs/howto/run-chaos.md``.

schedule   everything that will be done and will go wrong, drawn from the seed before anything runs
faults     what eSputnik can do to us: a table
scene      the processes, and what can be done to them
wire       between the connector and eSputnik: every request with the answer that arrived
audit      what the shop's database really held, written by triggers
driver     customers, staff and developers at work
quiet      after the storm: time passes until nothing is left to do
gather     the evidence, from the database, the wire and the fake
judge      promises, each a sentence, each against the evidence
line       between any two processes: it can be cut
series     several seeds, and one table
report     what a person reads
"""
