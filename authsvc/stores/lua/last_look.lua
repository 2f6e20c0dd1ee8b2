-- Up to when the ledger has told what is open; 0 while it is away, and for a session without a lease that could give way.
if redis.call('ZCARD', 'ks:leases:session:' .. ARGV[1]) == 0 then return 0 end
return last_look(clock()) or 0
