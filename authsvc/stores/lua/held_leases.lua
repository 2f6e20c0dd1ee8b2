-- Every lease that is held, for PostgreSQL to know: {playback, milliseconds left, since when paused or ''} each.
local now = clock()
local found = {}
local held = redis.call('ZRANGEBYSCORE', 'ks:leases:box', '(' .. text(now), '+inf', 'WITHSCORES')
for i = 1, #held, 2 do
  local paused = redis.call('HGET', 'ks:playback:' .. held[i], 'paused') or ''
  found[#found + 1] = { held[i], tonumber(held[i + 1]) - now, paused }
end
return found
