-- Take from a quota by the generic cell rate algorithm (ITU-T I.371, appendix A). ARGV: key, window in ms, what there is
-- in the window (calls, or bytes), how much of it this takes. The key holds the time at which the quota will be whole
-- again. Answers how much is left (-1: this was too much) and how many ms until it is whole, or until this fits.
local key, window, quota = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, each = clock(), window / quota
local cost = each * math.min(tonumber(ARGV[4]), quota)
-- Never further away than a whole window, also when the clock was set back.
local whole = math.min(math.max(tonumber(redis.call('GET', key) or '0'), now), now + window) + cost
-- A thousandth of a call for the rounding of fractions.
local left = math.floor((now + window - whole) / each + 0.001)
if left < 0 then return { -1, math.ceil(whole - now - window) } end
redis.call('SET', key, string.format('%.3f', whole), 'PX', math.ceil(whole - now))
return { left, math.ceil(whole - now) }
