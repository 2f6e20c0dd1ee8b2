-- Take one attempt back from each window that is still open.
for _, key in ipairs(ARGV) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
return 'ok'
