-- What the ledger saw of playbacks: five limits and times, then for each playback its id, whether its bytes move (0, 1),
-- its open connections and the bytes under way. A held lease is renewed; a lapsed one is a new start, if there is room.
-- Answers for each: ok, ended, full, or unknown (PostgreSQL has to tell first).
local limits = { ARGV[1], ARGV[2], ARGV[3] }
local idle, longest = tonumber(ARGV[4]), tonumber(ARGV[5])
local now = clock()
local verdicts = {}
for i = 6, #ARGV, 4 do
  local playback, moves, connections, bytes = unpack(ARGV, i, i + 3)
  local key = 'ks:playback:' .. playback
  local p = redis.call('HMGET', key, 'session', 'user', 'ended')
  local s = redis.call('HMGET', 'ks:session:' .. (p[1] or ''), 'ended', 'user', 'seen')
  local verdict = 'ok'
  if not p[1] then
    verdict = 'unknown'
  elseif p[3] or s[1] then
    verdict = 'ended'
  else
    redis.call('HSET', key, 'sockets', connections, 'bytes', bytes, 'counted', text(now))
    if moves == '1' then
      local sets = lease_sets(p[1], p[2])
      local held = held_until(sets, playback, now, idle, longest)
      if not held then
        sweep(sets, now, idle, longest)
        if blocked_for(sets, limits, 0, now) then verdict = 'full' end
      end
      if verdict == 'ok' then
        keep_lease(sets, playback, math.max(held or 0, now + idle), longest)
        if s[2] then used(p[1], s[3], now) end
        redis.call('HSET', key, 'seen', text(now))
        redis.call('PEXPIRE', key, life_after(longest))
      end
    end
  end
  verdicts[#verdicts + 1] = verdict
end
return verdicts
