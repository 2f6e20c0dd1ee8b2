-- What the ledger asks at each look: was the store rebuilt since it was last wiped (0, 1), and which connections were
-- let in (field, value, ...). Leaves word that the ledger is at work.
redis.call('SET', 'ks:looked', text(clock()), 'PX', 15000)
return { redis.call('EXISTS', 'ks:rebuilt'), redis.call('HGETALL', 'ks:connections') }
