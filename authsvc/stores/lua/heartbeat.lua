-- A player's sign of life: renews a lease that is held, never starts one.
-- While heartbeats say paused the lease is kept, until `longest` after the pause began. When they cease the viewer has
-- vanished, paused or not, and the lease is free `idle` after the last one.
-- Answers 'ended', 'renewed' or 'lapsed'.
local playback, session, user, paused = unpack(ARGV, 1, 4)
local idle, longest = tonumber(ARGV[5]), tonumber(ARGV[6])
local key = 'ks:playback:' .. playback
local now = clock()

local p = redis.call('HMGET', key, 'ended', 'paused', 'session')
if p[1] then return 'ended' end
local sets = lease_sets(session, user)
local held = held_until(sets, playback, now, idle, longest)
if not held or not p[3] then return 'lapsed' end

local deadline = now + idle
if paused == '1' then
  local since = tonumber(p[2] or text(now))
  if since > now then since = now end
  redis.call('HSET', key, 'paused', text(since))
  deadline = math.min(since + longest, deadline)
  -- Never shorter than what a request of a moment ago has earned.
  deadline = math.max(deadline, held)
else
  redis.call('HDEL', key, 'paused')
end
used(session, last_seen(session), now)
redis.call('HSET', key, 'beat', text(now))
redis.call('PEXPIRE', key, life_after(longest))
keep_lease(sets, playback, deadline, longest)
return 'renewed'
