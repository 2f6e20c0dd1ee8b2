"""The ledger: what was sent, to whom, and whether it may go on.

Every two seconds it looks at the kernel's socket table, at the connections that authz let in (Redis), at Nginx's
account log and at what ended in PostgreSQL. Data flows one way:

    sockets.py, account.py, revocations.py  ->  channels.py  ->  slots.py (Redis), book.py (PostgreSQL), cuts.py
                                                            ->  unlogged.py (what no line tells)  ->  book.py

rounds.py is the order in which that happens; docs/decisions/ledger.md says what was measured.
"""
