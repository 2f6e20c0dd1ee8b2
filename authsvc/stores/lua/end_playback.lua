-- End one playback; optionally bar its session from opening the same title at the header door again for a while.
local playback, session, user, video, reason = unpack(ARGV, 1, 5)
local life, most, ban = ARGV[6], ARGV[7], tonumber(ARGV[8])
end_playback(playback, session, user, video, reason, clock(), life, most)
if ban > 0 then redis.call('SET', 'ks:barred:' .. session .. ':' .. video, playback, 'PX', text(ban)) end
return 'ok'
