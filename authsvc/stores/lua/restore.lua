-- After the store was wiped: put a playback with its lease back as PostgreSQL knows it. Beyond the limits too, since it
-- was let in; an end that was told meanwhile stays. ARGV[8] is what the lease still lives, in ms.
local playback, session, user, video, door, rate, paused = unpack(ARGV, 1, 7)
local left, longest = tonumber(ARGV[8]), tonumber(ARGV[9])
local key = 'ks:playback:' .. playback
if redis.call('HEXISTS', key, 'ended') == 1 then return 'ended' end
local now = clock()
redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'checked', text(now), 'granted', text(now),
  'rate', rate)
if paused ~= '' then redis.call('HSET', key, 'paused', paused, 'beat', text(now)) end
redis.call('PEXPIRE', key, life_after(longest))
if door == 'header' then
  redis.call('SET', 'ks:header:' .. session .. ':' .. video, playback, 'PX', life_after(longest))
end
keep_lease(lease_sets(session, user), playback, now + math.min(left, longest), longest)
return 'ok'
