-- The leases of one set that have not lapsed, soonest deadline first: {id, deadline, now, field, value, ...} each.
local now = clock()
local found = {}
for _, playback in ipairs(redis.call('ZRANGEBYSCORE', 'ks:leases:' .. ARGV[1], '(' .. text(now), '+inf')) do
  local row = { playback, text(now) }
  for _, part in ipairs(redis.call('HGETALL', 'ks:playback:' .. playback)) do
    row[#row + 1] = part
  end
  found[#found + 1] = row
end
return found
