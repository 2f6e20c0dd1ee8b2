-- Everything that was open at a time (ARGV[1], of look.lua) has been told. Further: open answers of playbacks that have
-- changed since (playback, number, ...). An ended one may have begun another by a decision that Nginx had cached.
for i = 2, #ARGV, 2 do
  local key = 'ks:playback:' .. ARGV[i]
  local p = redis.call('HMGET', key, 'session', 'user', 'ended')
  if p[1] then redis.call('HSET', key, 'open', ARGV[i + 1]) end
  if p[3] and ARGV[i + 1] ~= '0' then keep_leaving(lease_sets(p[1], p[2]), ARGV[i], clock()) end
end
redis.call('SET', 'ks:looked', ARGV[1], 'PX', 15000)
return 'ok'
