-- Start a playback: all three sets have room, or nothing changes. A lease of the same session that can be spared gives
-- way. With `replace`, that playback of the same user (the caller has checked) ends in the same step. The lease is pending: counted, and gone unless the first request comes in
-- time. Answers {'ok'} or {'deny', reason, retry ms}.
local playback, session, user, video, client, device = unpack(ARGV, 1, 6)
local limits = { ARGV[7], ARGV[8], ARGV[9] }
local pending, idle, longest = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local replace, replace_session, replace_video = unpack(ARGV, 13, 15)
local rate = ARGV[16]
local starting, beating, late = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
local now = clock()

if redis.call('HEXISTS', 'ks:session:' .. session, 'ended') == 1 then return { 'deny', 'session' } end

local sets = lease_sets(session, user)
sweep(sets, now, idle, longest)
-- Milliseconds to wait with `more` leases going away beside the replaced one, or nil.
local function blocked(more)
  for i, key in ipairs(sets) do
    local leaving = replace ~= '' and redis.call('ZSCORE', key, replace) and 1 or 0
    local wait = blocked_for({ key }, { limits[i] }, leaving + more, now)
    if wait then return wait end
  end
  return nil
end
local wait = blocked(0)
if wait then
  local spare = spare_lease(sets, now, replace, starting, beating, late)
  if not spare or blocked(1) then return { 'deny', 'streams', wait } end
  drop_lease(sets, spare)
end

if replace ~= '' then
  end_playback(replace, replace_session, user, replace_video, 'replaced', longest)
end
local key = 'ks:playback:' .. playback
redis.call('HSET', key, 'session', session, 'user', user, 'video', video, 'door', 'signed', 'since', text(now),
  'client', client, 'device', device, 'checked', text(now), 'granted', text(now), 'rate', rate)
redis.call('PEXPIRE', key, life_after(longest))
keep_lease(sets, playback, now + pending, longest)
return { 'ok' }
