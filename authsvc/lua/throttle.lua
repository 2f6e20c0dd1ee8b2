-- Count one attempt in several windows, all or none: ARGV is the window in ms, then key and limit of each. Answers 0,
-- or how many ms to wait.
local window = ARGV[1]
for i = 2, #ARGV, 2 do
  if tonumber(redis.call('GET', ARGV[i]) or '0') >= tonumber(ARGV[i + 1]) then
    return math.max(redis.call('PTTL', ARGV[i]), 1)
  end
end
for i = 2, #ARGV, 2 do
  if redis.call('INCR', ARGV[i]) == 1 then redis.call('PEXPIRE', ARGV[i], window) end
end
return 0
