-- May this request go on? One round trip.
--   1. Who: a signed link names a playback and that its session; the header door brings the session itself.
--   2. Is the session alive, the title visible to its role, the playback not ended?
--   3. For a GET of media or manifest: is the playback used by few enough addresses and connections, and does it hold a
--      lease, or is there room for a new one? Only a held lease renews; a lapsed one is a new start.
-- Answers {'ok', ticket, playback, user, role, fresh, rate}, {'deny', reason, retry ms}, or what PostgreSQL has to tell
-- first: {'load', ticket} and {'open', ticket} (the header door has no playback of this title yet).
local door, takes_lease, playback, session, user, video, client = unpack(ARGV, 1, 7)
local limits = { ARGV[8], ARGV[9], ARGV[10] }
local idle, longest, fresh = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local addresses, window, sockets = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local starting, beating, late = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
-- "serial address port" of the connection, as the ledger names it.
local connection = ARGV[20]
takes_lease = takes_lease == '1'
local FIELDS = { 'session', 'user', 'video', 'ended', 'checked', 'seen', 'sockets', 'counted', 'rate', 'asked', 'addresses' }
local now = clock()

local p
if door == 'signed' then
  p = redis.call('HMGET', 'ks:playback:' .. playback, unpack(FIELDS))
  if not p[1] then return { 'load', ticket() } end
  session, user = p[1], p[2]
end

local s = session_facts('session', session)
if s[1] then return { 'deny', 'session' } end
if not s[2] or outdated(s[5], 'ks:epoch:user:' .. s[2]) then return { 'load', ticket() } end
if s[2] ~= user then return { 'deny', 'session' } end

if door == 'signed' then
  if p[3] ~= video then return { 'deny', '' } end
end

local v = redis.call('HMGET', 'ks:video:' .. video, 'access', 'playable', 'loaded', 'checked')
if not v[1] or outdated(v[3], 'ks:epoch:video:' .. video) then return { 'load', ticket() } end
local sees, sure = v[1] == 'public' or v[1] ~= 'none' and s[3] == 'admin' or v[1] == 'members' and s[3] == 'user', v[4]
if v[1] == 'named' and s[3] == 'user' then
  -- The answer is this user's own; it depends on the title and on the user's groups.
  local n = redis.call('HMGET', 'ks:named:' .. user .. ':' .. video, 'allowed', 'loaded', 'checked')
  if not n[1] or outdated(n[2], 'ks:epoch:video:' .. video) or outdated(n[2], 'ks:epoch:user:' .. user) then
    return { 'load', ticket() }
  end
  sees, sure = n[1] == '1', n[3]
end
-- A title that one may not see is not there, whatever became of the playback.
if not sees then
  if stale(sure, now, fresh) then return { 'load', ticket() } end
  return { 'deny', 'forbidden' }
end
if p and p[4] then return { 'deny', 'gone' } end
if takes_lease and v[2] ~= '1' then return { 'deny', 'forbidden' } end

-- A time-out ends no playback that runs.
local expired = over(s[4], s[7], s[8], now)
local old = stale(s[6], now, fresh) or stale(v[4], now, fresh) or stale(sure, now, fresh)
old = old or (p and stale(p[5], now, fresh))

if not takes_lease then
  if expired and not (p and held_until(lease_sets(session, user), playback, now, idle, longest)) then
    return { 'deny', 'session' }
  end
  used(session, s[7], now)
  return { 'ok', old and ticket() or 0, playback, user, s[3], old and 0 or 1, p and p[9] or '0' }
end

local sets = lease_sets(session, user)
local held
if door == 'header' then
  if redis.call('EXISTS', 'ks:barred:' .. session .. ':' .. video) == 1 then return { 'deny', 'gone' } end
  playback = redis.call('GET', 'ks:header:' .. session .. ':' .. video)
  if playback then
    p = redis.call('HMGET', 'ks:playback:' .. playback, unpack(FIELDS))
    if not p[1] or p[4] then playback = nil end
  end
  if not playback then
    if expired then return { 'deny', 'session' } end
    -- Refused before a row is made for it.
    sweep(sets, now, idle, longest)
    local wait = no_room_for(sets, limits, now, starting, beating, late, false)
    if wait then return { 'deny', 'streams', wait } end
    return { 'open', ticket() }
  end
  old = old or stale(p[5], now, fresh)
end

-- The ledger tells which addresses have answers whose bytes move; who asked within the window may be gone again. So
-- while it looks, those that move count, and one address more may ask than may stay: the ledger cuts what is too much.
local looked = last_look(now)
if addresses > 0 then
  local moving, known = 0, false
  for address in string.gmatch(looked and p[11] or '', '%S+') do
    moving, known = moving + 1, known or address == client
  end
  if moving >= addresses and not known then return { 'deny', 'shared' } end
  local key = 'ks:addresses:' .. playback
  local last = tonumber(redis.call('ZSCORE', key, client) or '0')
  if last <= now - window or last > now then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - window))
    redis.call('ZREMRANGEBYSCORE', key, '(' .. text(now), '+inf')
    if redis.call('ZCARD', key) >= addresses + (looked and 1 or 0) then return { 'deny', 'shared' } end
  end
  if last <= now - 1000 or last > now then
    redis.call('ZADD', key, text(now), client)
    redis.call('PEXPIRE', key, text(window))
  end
end

-- As many connections as there may be at the ledger's last look, and this is none of them.
if sockets > 0 and looked and tonumber(p[7] or '0') >= sockets then
  local age = now - tonumber(p[8] or '0')
  if age >= 0 and age < 10000 and redis.call('SISMEMBER', 'ks:sockets:' .. playback, connection) == 0 then
    return { 'deny', 'shared' }
  end
end

held = held_until(sets, playback, now, idle, longest)
if not held then
  if expired then return { 'deny', 'session' } end
  sweep(sets, now, idle, longest)
  local wait = no_room_for(sets, limits, now, starting, beating, late, true)
  if wait then return { 'deny', 'streams', wait } end
  held = 0
  redis.call('HDEL', 'ks:playback:' .. playback, 'paused')
end
used(session, s[7], now)
-- Written at most once a second: a player that asks 200 times a second costs no more than one that asks once.
local asked = tonumber(p[10] or '0')
if held < now + idle - 1000 or asked < now - 1000 or asked > now then
  keep_lease(sets, playback, math.max(held, now + idle), longest)
  redis.call('HSET', 'ks:playback:' .. playback, 'seen', text(now), 'asked', text(now))
  redis.call('PEXPIRE', 'ks:playback:' .. playback, life_after(longest))
end
return { 'ok', old and ticket() or 0, playback, user, s[3], old and 0 or 1, p and p[9] or '0' }
