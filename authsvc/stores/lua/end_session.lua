-- Leave a tombstone that no rehydration overwrites, and free the session's leases: those under way when they are over.
local session, user, reason, life = unpack(ARGV, 1, 4)
redis.call('SET', 'ks:ended:' .. session, reason, 'PX', life)
local sets = lease_sets(session, user)
local now = clock()
local looked = last_look(now)
for _, playback in ipairs(redis.call('ZRANGE', sets[1], 0, -1)) do
  drop_lease(sets, playback)
  if under_way(playback, looked) then keep_leaving(sets, playback, now) end
end
return 'ok'
