-- Leave a tombstone that no rehydration overwrites, and free the session's slots.
local session, user, reason, life = unpack(ARGV, 1, 4)
local key = 'ks:session:' .. session
redis.call('DEL', key)
redis.call('HSET', key, 'ended', reason)
redis.call('PEXPIRE', key, life)
local sets = lease_sets(session, user)
for _, playback in ipairs(redis.call('ZRANGE', sets[1], 0, -1)) do
  drop_lease(sets, playback)
end
return 'ok'
