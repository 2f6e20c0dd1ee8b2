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

-- Watching and asking are use. Written at most once a second, and kept for an hour: PostgreSQL has it by then.
local function keep_seen(session, moment)
  redis.call('SET', 'ks:seen:' .. session, moment, 'PX', 3600000)
end

local function used(session, seen, now)
  seen = tonumber(seen or '0')
  if seen < now - 1000 or seen > now then keep_seen(session, text(now)) end
end

local function last_seen(session)
  return redis.call('GET', 'ks:seen:' .. session)
end

-- Why a session has ended; false while nobody has ended it. Who writes this can turn people out and let nobody in.
local function ended_by(session)
  return redis.call('GET', 'ks:ended:' .. session)
end

-- What is known of a session: ended, user, role, expires, loaded, checked, seen, idle. Its facts are of the kind that
-- only the reader itself writes (`session` for the doors, `identity` for the interface).
local function session_facts(kind, session)
  local s = redis.call('HMGET', 'ks:' .. kind .. ':' .. session, 'ended', 'user', 'role', 'expires', 'loaded',
    'checked', 'user', 'idle')
  s[1], s[7] = ended_by(session) or s[1], last_seen(session)
  -- When it was last used is known or is asked for: without it, it would be taken for idle.
  if not s[7] then s[2] = false end
  return s
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

-- An ended playback whose answers are still open keeps its place in a set beside each of the three, until the ledger has
-- cut them, for LEAVING ms at most: else a viewer who ends and begins often would have more moving than may be.
local LEAVING = 10000
-- When a playback was asked for is written once a second, and what it began is told a moment later (ms, together). Of an
-- ended one nothing is asked any more, so from a moment after its end the ledger knows.
local TOLD_AFTER = 1500
local TOLD_AFTER_END = 300
-- About as long as it takes the ledger to cut what has ended (ms).
local ASK_AGAIN = 2000

local function leaving_set(key)
  return key .. ':leaving'
end

-- When the ledger last told what is open, or nil while it is away. What it told is true of that moment.
local function last_look(now)
  local looked = tonumber(redis.call('GET', 'ks:looked') or '0')
  if looked > now or now - looked > 10000 then return nil end
  return looked
end

-- Is an answer of it open, as far as anybody knows? Nobody knows while the ledger is away, and then nobody waits.
local function under_way(playback, looked)
  if not looked then return false end
  local p = redis.call('HMGET', 'ks:playback:' .. playback, 'session', 'open', 'asked', 'over')
  -- So many have ended since that its tombstone is gone.
  if not p[1] or (p[2] or '0') ~= '0' then return true end
  return tonumber(p[3] or '0') + TOLD_AFTER > looked and not (p[4] and tonumber(p[4]) + TOLD_AFTER_END <= looked)
end

local function keep_leaving(sets, playback, now)
  for _, key in ipairs(sets) do
    redis.call('ZADD', leaving_set(key), text(now + LEAVING), playback)
    redis.call('PEXPIRE', leaving_set(key), text(LEAVING))
  end
end

-- How many of a set's playbacks have ended and are under way.
local function count_leaving(set, now)
  local key = leaving_set(set)
  local some = redis.call('ZRANGEBYSCORE', key, '(' .. text(now), text(now + LEAVING))
  local looked = #some > 0 and last_look(now)
  local count = 0
  for _, playback in ipairs(some) do
    if under_way(playback, looked) then
      count = count + 1
    else
      redis.call('ZREM', key, playback)
    end
  end
  return count
end

-- Is there room for one more in all three sets, without the leases of the playbacks `going`? When there is none, answers
-- the milliseconds until the first lease of the fullest set lapses, or until it is worth while to ask again; and whether
-- there will be room once nothing of what has ended is under way.
local function blocked_for(sets, limits, going, now)
  local soon = false
  for i, key in ipairs(sets) do
    local limit = tonumber(limits[i])
    if limit > 0 then
      local held = redis.call('ZCARD', key)
      for _, playback in ipairs(going) do
        if redis.call('ZSCORE', key, playback) then held = held - 1 end
      end
      if held >= limit then
        local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
        return math.max(tonumber(first[2] or text(now)) - now, 1), false
      end
      soon = soon or held + count_leaving(key, now) >= limit
    end
  end
  if soon then return ASK_AGAIN, true end
  return nil
end

-- A lease of the session that can be spared, or nil: the one that was silent for longest of those that
--   have no open answer, as the ledger saw after they last asked (`late` ms, until a begun answer is known), and
--   are not kept by a player's heartbeats (`beating` ms old at most), and
--   if they never asked, were granted over `starting` ms ago.
local function spare_lease(sets, now, but, starting, beating, late)
  local looked, found, silent = last_look(now), nil, nil
  if not looked then return nil end
  for _, playback in ipairs(redis.call('ZRANGEBYSCORE', sets[1], '(' .. text(now), '+inf')) do
    local p = redis.call('HMGET', 'ks:playback:' .. playback, 'asked', 'seen', 'beat', 'granted', 'open')
    local asked, beat = tonumber(p[1] or '0'), tonumber(p[3] or '0')
    local since = math.max(asked, tonumber(p[2] or '0'), beat, tonumber(p[4] or '0'))
    local spare = playback ~= but and (p[5] or '0') == '0' and now - beat > beating
    if asked > 0 then
      spare = spare and asked + late <= looked
    else
      spare = spare and since + starting <= now
    end
    if spare and (not silent or since < silent) then found, silent = playback, since end
  end
  return found
end

-- As blocked_for; but a lease of the same session that can be spared gives way. With `really` it is dropped.
local function no_room_for(sets, limits, now, starting, beating, late, really)
  local wait = blocked_for(sets, limits, {}, now)
  if not wait then return nil end
  local spare = spare_lease(sets, now, '', starting, beating, late)
  if not spare or blocked_for(sets, limits, { spare }, now) then return wait end
  if really then drop_lease(sets, spare) end
  return nil
end

-- What stays of an ended playback refuses its links and whoever read PostgreSQL before the end, for `life` ms. Of one
-- session there are `most` such at a time: the oldest goes, and PostgreSQL is asked when somebody shows its link.
local function end_playback(playback, session, user, video, reason, now, life, most)
  local key = 'ks:playback:' .. playback
  local sets = lease_sets(session, user)
  drop_lease(sets, playback)
  redis.call('DEL', 'ks:addresses:' .. playback)
  local pair = 'ks:header:' .. session .. ':' .. video
  if redis.call('GET', pair) == playback then redis.call('DEL', pair) end
  -- Whoever ends it first says why.
  if redis.call('HEXISTS', key, 'ended') == 1 then return end
  local p = redis.call('HMGET', key, 'session', 'open', 'asked')
  if p[1] and under_way(playback, last_look(now)) then keep_leaving(sets, playback, now) end
  redis.call('DEL', key)
  redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'ended', reason, 'open', p[2] or '0',
    'asked', p[3] or '0', 'over', text(now))
  redis.call('PEXPIRE', key, life)
  local of_session = 'ks:gone:' .. session
  redis.call('RPUSH', of_session, playback)
  redis.call('PEXPIRE', of_session, life)
  if redis.call('LLEN', of_session) > tonumber(most) then
    redis.call('DEL', 'ks:playback:' .. redis.call('LPOP', of_session))
  end
end
