-- Is this session alive? For the JSON interface.
-- Answers {'ok', ticket, user, role, kind, fresh, touch}, {'ended', reason} or {'load', ticket}.
-- `touch` is 1 once in a while: the caller then writes last_seen_at.
local session = ARGV[1]
local fresh, touch_every = tonumber(ARGV[2]), tonumber(ARGV[3])
local key = 'ks:identity:' .. session
local now = clock()
local s = session_facts('identity', session)
if s[1] then return { 'ended', s[1] } end
if not s[2] or outdated(s[5], 'ks:epoch:user:' .. s[2]) then return { 'load', ticket() } end
local ended = over(s[4], s[7], s[8], now)
if ended then return { 'ended', ended } end
used(session, s[7], now)
local own = redis.call('HMGET', key, 'kind', 'touched')
local touch = 0
if stale(own[2], now, touch_every) then
  redis.call('HSET', key, 'touched', text(now))
  touch = 1
end
return { 'ok', ticket(), s[2], s[3], own[1], stale(s[6], now, fresh) and 0 or 1, touch }
