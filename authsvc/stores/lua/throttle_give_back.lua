-- Take one attempt back from each window that is still open; a count of nothing leaves no key.
for _, key in ipairs(ARGV) do
  local count = tonumber(redis.call('GET', key) or '0')
  if count > 1 then redis.call('DECR', key) elseif count == 1 then redis.call('DEL', key) end
end
return 'ok'
