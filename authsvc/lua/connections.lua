-- What the ledger asks at each look: was the store rebuilt since it was last wiped (0, 1), and which connections were
-- let in (field, value, ...).
return { redis.call('EXISTS', 'ks:rebuilt'), redis.call('HGETALL', 'ks:connections') }
