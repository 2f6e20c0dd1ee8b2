-- Shared by all scripts: authsvc/stores/live.py puts this text in front of each. The layout of the keys is described
-- there. Scripts name keys that are not in KEYS (a playback tells its session, a session its user): the live
-- Redis is one instance, never a cluster.

-- The only clock of leases: this server's, in milliseconds.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function text(number)
  return string.format('%.0f', number)
end

-- Revocations are counted, not timed. Who loads facts from PostgreSQL takes the count as a ticket before it reads;
-- the facts are good while no later revocation has named their user or title.
local function ticket()
  return tonumber(redis.call('GET', 'ks:clock') or '0')
end

local function outdated(loaded, epoch_key)
  if not loaded then return true end
  local epoch = redis.call('GET', epoch_key)
  return epoch and tonumber(loaded) < tonumber(epoch)
end

-- Facts that PostgreSQL has not confirmed for a while; also when the clock was set back.
local function stale(checked, now, fresh)
  local age = now - tonumber(checked or '0')
  return age > fresh or age < -fresh
end

-- Is a session over by time, and if not used? `idle` is 0 for those that may rest for as long as they like.
local function over(expires, seen, idle, now)
  if now >= tonumber(expires) then return 'expired' end
  idle = tonumber(idle or '0')
  if idle > 0 and now >= tonumber(seen or '0') + idle then return 'idle' end
  return nil
end

-- Watching and asking are use. For a session whose hash is there. Written at most once a second.
local function used(session, seen, now)
  seen = tonumber(seen or '0')
  if seen < now - 1000 or seen > now then redis.call('HSET', 'ks:session:' .. session, 'seen', text(now)) end
end

local function lease_sets(session, user)
  return { 'ks:leases:session:' .. session, 'ks:leases:user:' .. user, 'ks:leases:box' }
end

-- What nobody touches goes away by itself, an hour after the longest deadline.
local function life_after(longest)
  return text(longest + 3600000)
end

local function keep_lease(sets, playback, deadline, longest)
  for _, key in ipairs(sets) do
    redis.call('ZADD', key, text(deadline), playback)
    redis.call('PEXPIRE', key, life_after(longest))
  end
end

local function drop_lease(sets, playback)
  for _, key in ipairs(sets) do
    redis.call('ZREM', key, playback)
  end
end

-- Forget leases whose deadline has passed. A deadline further away than the longest possible one was written
-- before the clock was set back: it becomes `idle` from now.
local function sweep(sets, now, idle, longest)
  for _, key in ipairs(sets) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
    for _, playback in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. text(now + longest), '+inf')) do
      redis.call('ZADD', key, text(now + idle), playback)
    end
  end
end

-- The deadline of a held lease, or nil when it has lapsed or never was.
local function held_until(sets, playback, now, idle, longest)
  local deadline = tonumber(redis.call('ZSCORE', sets[2], playback) or '0')
  if deadline <= now then return nil end
  if deadline > now + longest then return now + idle end
  return deadline
end

-- Is there room for one more in all three sets, with `leaving` of them going away? Answers the milliseconds until
-- the first lease of the fullest set lapses when there is none.
local function blocked_for(sets, limits, leaving, now)
  for i, key in ipairs(sets) do
    local limit = tonumber(limits[i])
    if limit > 0 and redis.call('ZCARD', key) - leaving >= limit then
      local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
      return math.max(tonumber(first[2] or text(now)) - now, 1)
    end
  end
  return nil
end

local function end_playback(playback, session, user, video, reason, longest)
  local key = 'ks:playback:' .. playback
  drop_lease(lease_sets(session, user), playback)
  redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'ended', reason)
  redis.call('PEXPIRE', key, life_after(longest))
  redis.call('DEL', 'ks:addresses:' .. playback)
  local pair = 'ks:header:' .. session .. ':' .. video
  if redis.call('GET', pair) == playback then redis.call('DEL', pair) end
end

-- Connections that were let in, for the ledger, which removes those that are closed. Bounded, for when it is away.
local function noted(connection, serial, playback)
  local value = redis.call('HGET', 'ks:connections', connection)
  return value and string.find(value, serial .. ' ' .. playback .. ' ', 1, true) == 1
end

local function note(connection, serial, playback, http2, now)
  if redis.call('HLEN', 'ks:connections') < 65536 or redis.call('HEXISTS', 'ks:connections', connection) == 1 then
    redis.call('HSET', 'ks:connections', connection, serial .. ' ' .. playback .. ' ' .. http2 .. ' ' .. text(now))
    redis.call('PEXPIRE', 'ks:connections', 86400000)
  end
end
