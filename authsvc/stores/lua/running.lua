-- The leases of one set that have not lapsed, soonest deadline first: {id, now, field, value, ...} each. The field
-- `looked` is 1 while the ledger is at work.
local now = clock()
local looked = redis.call('EXISTS', 'ks:looked')
local found = {}
for _, playback in ipairs(redis.call('ZRANGEBYSCORE', 'ks:leases:' .. ARGV[1], '(' .. text(now), '+inf')) do
  local row = { playback, text(now), 'looked', text(looked) }
  for _, part in ipairs(redis.call('HGETALL', 'ks:playback:' .. playback)) do
    row[#row + 1] = part
  end
  found[#found + 1] = row
end
return found
