-- Put what PostgreSQL says into the live store, unless a revocation came in between.
-- A tombstone (`ended`) is never overwritten. Answers 'ok', or 'again' when the facts may be older than a revocation:
-- load them once more.
-- Each of the three parts is left out by an empty id.
local loaded = tonumber(ARGV[1])
local session, user, role, kind, expires, session_end = unpack(ARGV, 2, 7)
local video, access, allowed, playable = unpack(ARGV, 8, 11)
local playback, door, since, client, device, playback_end = unpack(ARGV, 12, 17)
local session_life, tombstone_life, playback_life = ARGV[18], ARGV[19], ARGV[20]
local seen, rest = tonumber(ARGV[21]), ARGV[22]
local rate = ARGV[23]
local now = clock()

-- A ticket from before the store was wiped says nothing about revocations since.
if loaded > ticket() then return 'again' end
if session ~= '' and outdated(loaded, 'ks:epoch:user:' .. user) then return 'again' end
if video ~= '' and outdated(loaded, 'ks:epoch:video:' .. video) then return 'again' end

if session ~= '' then
  local key = 'ks:session:' .. session
  if redis.call('HEXISTS', key, 'ended') == 0 then
    if session_end ~= '' then
      redis.call('DEL', key)
      redis.call('HSET', key, 'ended', session_end)
      redis.call('PEXPIRE', key, tombstone_life)
    else
      redis.call('HSET', key, 'user', user, 'role', role, 'kind', kind, 'expires', expires,
        'loaded', text(loaded), 'checked', text(now), 'idle', rest)
      -- PostgreSQL hears of use a minute late.
      if tonumber(redis.call('HGET', key, 'seen') or '0') < seen then redis.call('HSET', key, 'seen', text(seen)) end
      redis.call('PEXPIRE', key, session_life)
    end
  end
end

if video ~= '' then
  local key = 'ks:video:' .. video
  redis.call('HSET', key, 'access', access, 'playable', playable, 'loaded', text(loaded), 'checked', text(now))
  redis.call('PEXPIRE', key, session_life)
  if access == 'named' then
    local of_user = 'ks:named:' .. user .. ':' .. video
    redis.call('HSET', of_user, 'allowed', allowed, 'loaded', text(loaded), 'checked', text(now))
    redis.call('PEXPIRE', of_user, session_life)
  end
end

-- An `ended` that is there already stays: nothing here removes it.
if playback ~= '' then
  local key = 'ks:playback:' .. playback
  redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'door', door, 'since', since,
    'client', client, 'device', device, 'checked', text(now), 'rate', rate)
  redis.call('PEXPIRE', key, playback_life)
  if playback_end ~= '' then
    redis.call('HSET', key, 'ended', playback_end)
    drop_lease(lease_sets(session, user), playback)
  elseif door == 'header' and redis.call('HEXISTS', key, 'ended') == 0 then
    redis.call('SET', 'ks:header:' .. session .. ':' .. video, playback, 'PX', playback_life)
  end
end
return 'ok'
