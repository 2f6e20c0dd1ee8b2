-- The store is whole again: put the connections back (field, value, ...) and say so, for 30 days at a time.
for i = 1, #ARGV, 2 do
  redis.call('HSETNX', 'ks:connections', ARGV[i], ARGV[i + 1])
end
if #ARGV > 0 then redis.call('PEXPIRE', 'ks:connections', 86400000) end
redis.call('SET', 'ks:rebuilt', text(clock()), 'PX', 2592000000)
return 'ok'
