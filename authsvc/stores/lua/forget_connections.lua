-- Remove notes of connections that are closed, unless they were written anew meanwhile: field, value, ...
for i = 1, #ARGV, 2 do
  if redis.call('HGET', 'ks:connections', ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', 'ks:connections', ARGV[i]) end
end
return 'ok'
