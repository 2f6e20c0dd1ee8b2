-- Everything that was open at a time (ARGV[1], of look.lua) has been told. Further: open answers of playbacks that have
-- changed since (playback, number, ...).
for i = 2, #ARGV, 2 do
  local key = 'ks:playback:' .. ARGV[i]
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'open', ARGV[i + 1]) end
end
redis.call('SET', 'ks:looked', ARGV[1], 'PX', 15000)
return 'ok'
