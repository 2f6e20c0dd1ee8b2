-- Start a playback: all three sets have room, or nothing changes. A lease of the same session that can be spared gives
-- way. With `replace`, that playback of the same user (the caller has checked) ends in the same step. The lease is
-- pending: counted, and gone unless the first request comes in time. Answers {'ok'} or {'deny', reason, retry ms}; or
-- {'wait', ms} when there is room but for what has ended and is still under way. Then the replaced playback has ended.
local playback, session, user, video, rate = unpack(ARGV, 1, 5)
local limits = { ARGV[6], ARGV[7], ARGV[8] }
local pending, idle, longest = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local ended_life, most_ended = tonumber(ARGV[12]), ARGV[13]
local replace, replace_session, replace_video = unpack(ARGV, 14, 16)
local starting, beating, late = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
local has_looked = ARGV[20] == '1'
local now = clock()

if ended_by(session) then return { 'deny', 'session' } end

local sets = lease_sets(session, user)
sweep(sets, now, idle, longest)
local wait, soon = blocked_for(sets, limits, { replace }, now)
-- What leaves may be gone when the ledger looks again, and then nothing has to give way.
if wait and (has_looked or not soon) then
  local spare = spare_lease(sets, now, replace, starting, beating, late)
  if spare then
    wait, soon = blocked_for(sets, limits, { replace, spare }, now)
    if soon or not wait then drop_lease(sets, spare) end
  end
  if wait and not soon then return { 'deny', 'streams', wait } end
end
if replace ~= '' then
  end_playback(replace, replace_session, user, replace_video, 'replaced', now, ended_life, most_ended)
end
wait = blocked_for(sets, limits, {}, now)
if wait then return { 'wait', wait } end

local key = 'ks:playback:' .. playback
redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'checked', text(now), 'granted', text(now),
  'rate', rate)
-- Who never uses it is not remembered for longer than who ended it; the first request makes it last.
redis.call('PEXPIRE', key, text(pending + ended_life))
keep_lease(sets, playback, now + pending, longest)
return { 'ok' }
