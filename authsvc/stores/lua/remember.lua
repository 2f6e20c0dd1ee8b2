-- Put what PostgreSQL says into the live store, unless a revocation came in between.
-- Answers 'ok', or 'again' when the facts may be older than a revocation: load them once more.
-- `whose` says who remembers, for nobody goes by facts that another unit could have written: `doors` (session, title and
-- playback), `interface` (the session, as it knows it) or `ledger` (the playback). Title and playback are left out by
-- an empty id. An end that is known is never taken back.
local whose, loaded = ARGV[1], tonumber(ARGV[2])
local session, user, role, kind, expires, session_end, seen, idle = unpack(ARGV, 3, 10)
local video, access, allowed, playable = unpack(ARGV, 11, 14)
local playback, door, rate, playback_end = unpack(ARGV, 15, 18)
local facts_life, playback_life, ended_life, most_ended = unpack(ARGV, 19, 22)
local now = clock()

-- A ticket from before the store was wiped says nothing about revocations since.
if loaded > ticket() then return 'again' end
if outdated(loaded, 'ks:epoch:user:' .. user) then return 'again' end
if video ~= '' and outdated(loaded, 'ks:epoch:video:' .. video) then return 'again' end

if whose ~= 'ledger' then
  local key = (whose == 'doors' and 'ks:session:' or 'ks:identity:') .. session
  if session_end ~= '' then
    redis.call('DEL', key)
    redis.call('HSET', key, 'ended', session_end)
    redis.call('PEXPIRE', key, facts_life)
  elseif redis.call('HEXISTS', key, 'ended') == 0 then
    redis.call('HSET', key, 'user', user, 'role', role, 'expires', expires, 'idle', idle, 'loaded', text(loaded),
      'checked', text(now))
    if whose == 'interface' then redis.call('HSET', key, 'kind', kind) end
    redis.call('PEXPIRE', key, facts_life)
    -- PostgreSQL hears of use a minute late.
    if tonumber(last_seen(session) or '0') < tonumber(seen) then keep_seen(session, seen) end
  end
end

if whose == 'doors' and video ~= '' then
  local key = 'ks:video:' .. video
  redis.call('HSET', key, 'access', access, 'playable', playable, 'loaded', text(loaded), 'checked', text(now))
  redis.call('PEXPIRE', key, facts_life)
  if access == 'named' and role == 'user' then
    local of_user = 'ks:named:' .. user .. ':' .. video
    redis.call('HSET', of_user, 'allowed', allowed, 'loaded', text(loaded), 'checked', text(now))
    redis.call('PEXPIRE', of_user, facts_life)
  end
end

if playback ~= '' then
  local key = 'ks:playback:' .. playback
  if playback_end ~= '' then
    end_playback(playback, session, user, video, playback_end, now, ended_life, most_ended)
  elseif redis.call('HEXISTS', key, 'ended') == 0 then
    redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'checked', text(now), 'rate', rate)
    redis.call('PEXPIRE', key, playback_life)
    if door == 'header' then redis.call('SET', 'ks:header:' .. session .. ':' .. video, playback, 'PX', playback_life) end
  end
end
return 'ok'
