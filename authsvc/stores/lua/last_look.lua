-- Up to when the ledger has told what is open; 0 while it is away, and where nothing waits for it: the session has no
-- lease that could give way, and nothing of its user has ended a moment ago.
local sets = lease_sets(ARGV[1], ARGV[2])
if redis.call('EXISTS', sets[1], leaving_set(sets[2])) == 0 then return 0 end
return last_look(clock()) or 0
