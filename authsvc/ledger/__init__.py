"""The ledger: what was sent, to whom, and whether it may go on.

Every two seconds it looks at Nginx's answers log and at the kernel's socket table, at Nginx's account log, and at what
ended in PostgreSQL. Data flows one way:

    answers_log.py -> open_answers.py \
    sockets.py ------------------------> channels.py -> watched.py -> live_store.py (Redis), cutter_client.py
    account_log.py -> accounting.py --/                            -> unlogged.py (what no line tells) -> book.py
    revocations.py

rounds.py is the order in which that happens; docs/decisions/open-answers.md and ledger.md say what was measured.
"""
