-- Make everything known of a user or a title doubtful: the next request asks PostgreSQL. `what` is user or video.
local what, id, life = ARGV[1], ARGV[2], ARGV[3]
redis.call('SET', 'ks:epoch:' .. what .. ':' .. id, text(redis.call('INCR', 'ks:clock')), 'PX', life)
return 'ok'
