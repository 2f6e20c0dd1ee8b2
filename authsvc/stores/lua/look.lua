-- The ledger begins to look: the time by this server's clock, and whether the store was rebuilt since it was last wiped.
return { text(clock()), redis.call('EXISTS', 'ks:rebuilt') }
