-- Up to when the ledger has told what is open; 0 while it is away.
return last_look(clock()) or 0
