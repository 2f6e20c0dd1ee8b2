-- Is this session alive? For the JSON interface.
-- Answers {'ok', ticket, user, role, kind, fresh, touch}, {'ended', reason} or {'load', ticket}.
-- `touch` is 1 once in a while: the caller then writes last_seen_at.
local session = ARGV[1]
local fresh, touch_every = tonumber(ARGV[2]), tonumber(ARGV[3])
local key = 'ks:session:' .. session
local now = clock()
local s = redis.call('HMGET', key, 'ended', 'user', 'role', 'kind', 'expires', 'loaded', 'checked', 'touched', 'seen',
  'idle')
if s[1] then return { 'ended', s[1] } end
if not s[2] or outdated(s[6], 'ks:epoch:user:' .. s[2]) then return { 'load', ticket() } end
local ended = over(s[5], s[9], s[10], now)
if ended then return { 'ended', ended } end
used(session, s[9], now)
local touch = 0
if stale(s[8], now, touch_every) then
  redis.call('HSET', key, 'touched', text(now))
  touch = 1
end
return { 'ok', ticket(), s[2], s[3], s[4], stale(s[7], now, fresh) and 0 or 1, touch }
