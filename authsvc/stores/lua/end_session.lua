-- Leave a tombstone that no rehydration overwrites, and free the session's leases.
local session, user, reason, life = unpack(ARGV, 1, 4)
redis.call('SET', 'ks:ended:' .. session, reason, 'PX', life)
local sets = lease_sets(session, user)
for _, playback in ipairs(redis.call('ZRANGE', sets[1], 0, -1)) do
  drop_lease(sets, playback)
end
return 'ok'
