-- How many ms ago each of these sessions was last used, and whether one of its playbacks holds a lease: a list of
-- {age or -1 when nothing is known of it here, 0 or 1}.
local now = clock()
local found = {}
for i, session in ipairs(ARGV) do
  local seen = tonumber(last_seen(session) or '')
  local holds = redis.call('ZCOUNT', 'ks:leases:session:' .. session, '(' .. text(now), '+inf')
  found[i] = { seen and math.max(now - seen, 0) or -1, holds > 0 and 1 or 0 }
end
return found
