-- What the ledger saw of playbacks: limits and times, then for each playback its id, whether its bytes move (0, 1), its
-- open answers, the connections they are on, all connections that carry it, the bytes under way, the addresses whose
-- bytes move ("a b"), and, when there are as many connections as there may be, their names, a comma between. A held
-- lease is renewed; a lapsed one is a new start, if there is room.
-- Answers for each: ok, ended, full, or unknown (PostgreSQL has to tell first).
local limits = { ARGV[1], ARGV[2], ARGV[3] }
local idle, longest = tonumber(ARGV[4]), tonumber(ARGV[5])
local starting, beating, late = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now = clock()
local verdicts = {}
for i = 9, #ARGV, 8 do
  local playback, moves, open, connections, sockets, bytes, addresses, names = unpack(ARGV, i, i + 7)
  local key = 'ks:playback:' .. playback
  local p = redis.call('HMGET', key, 'session', 'user', 'ended')
  local verdict = 'ok'
  if not p[1] then
    verdict = 'unknown'
  elseif p[3] or ended_by(p[1]) then
    verdict = 'ended'
  else
    redis.call('HSET', key, 'open', open, 'connections', connections, 'sockets', sockets, 'bytes', bytes,
      'addresses', addresses, 'counted', text(now))
    local of_it = 'ks:sockets:' .. playback
    redis.call('DEL', of_it)
    for name in string.gmatch(names, '[^,]+') do redis.call('SADD', of_it, name) end
    redis.call('PEXPIRE', of_it, 15000)
    if moves == '1' then
      local sets = lease_sets(p[1], p[2])
      local held = held_until(sets, playback, now, idle, longest)
      if not held then
        sweep(sets, now, idle, longest)
        if no_room_for(sets, limits, now, starting, beating, late, true) then verdict = 'full' end
      end
      if verdict == 'ok' then
        keep_lease(sets, playback, math.max(held or 0, now + idle), longest)
        used(p[1], last_seen(p[1]), now)
        redis.call('HSET', key, 'seen', text(now))
        redis.call('PEXPIRE', key, life_after(longest))
      end
    end
  end
  verdicts[#verdicts + 1] = verdict
end
return verdicts
