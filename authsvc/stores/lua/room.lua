-- Is there room for a playback of this session, if a lease that can be spared gives way? It does when there is none
-- otherwise. Answers 1, or 0. For who is sent to the doors by a playlist: the lease itself is taken there.
local playback, session, user = unpack(ARGV, 1, 3)
local limits = { ARGV[4], ARGV[5], ARGV[6] }
local idle, longest = tonumber(ARGV[7]), tonumber(ARGV[8])
local starting, beating, late = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local now = clock()
local sets = lease_sets(session, user)
sweep(sets, now, idle, longest)
if held_until(sets, playback, now, idle, longest) then return 1 end
return no_room_for(sets, limits, now, starting, beating, late, true) and 0 or 1
