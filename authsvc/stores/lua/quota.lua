-- Take one call from a quota by the generic cell rate algorithm (ITU-T I.371, appendix A). ARGV: key, window in ms,
-- calls in the window. The key holds the time at which the quota will be whole again. Answers how many calls are left
-- (-1: this one is too many) and how many ms until it is whole, or until one call fits again.
local key, window, calls = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, cost = clock(), window / calls
-- Never further away than a whole window, also when the clock was set back.
local whole = math.min(math.max(tonumber(redis.call('GET', key) or '0'), now), now + window) + cost
-- A thousandth of a call for the rounding of fractions.
local left = math.floor((now + window - whole) / cost + 0.001)
if left < 0 then return { -1, math.ceil(whole - now - window) } end
redis.call('SET', key, string.format('%.3f', whole), 'PX', math.ceil(whole - now))
return { left, math.ceil(whole - now) }
