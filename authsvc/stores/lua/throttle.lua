-- Count one attempt in several windows, all or none: ARGV is the window in ms, then key and limit of each. Answers
-- {ms to wait (0: go on), 1 for the first refusal in this window}.
local window = ARGV[1]
for i = 2, #ARGV, 2 do
  -- No window is longer than a window, also when the clock was set back.
  if redis.call('PTTL', ARGV[i]) > tonumber(window) then redis.call('PEXPIRE', ARGV[i], window) end
  if tonumber(redis.call('GET', ARGV[i]) or '0') >= tonumber(ARGV[i + 1]) then
    local wait = math.max(redis.call('PTTL', ARGV[i]), 1)
    local first = redis.call('SET', ARGV[i] .. ':refused', '1', 'NX', 'PX', text(wait))
    return { wait, first and 1 or 0 }
  end
end
for i = 2, #ARGV, 2 do
  if redis.call('INCR', ARGV[i]) == 1 then redis.call('PEXPIRE', ARGV[i], window) end
end
return { 0, 0 }
