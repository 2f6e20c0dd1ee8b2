-- The session can't open the title at the header door for a while.
redis.call('SET', 'ks:barred:' .. ARGV[1] .. ':' .. ARGV[2], ARGV[3], 'PX', ARGV[4])
return 'ok'
