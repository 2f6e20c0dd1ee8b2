-- wrk: every thread reads one range after the other of a link of its own, each at a place of its own.
-- Arguments: range bytes, file bytes, then links.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local size, file, path = 0, 0, ""

function init(arguments)
  size, file = tonumber(arguments[1]), tonumber(arguments[2])
  path = arguments[3 + number % (#arguments - 2)]
  math.randomseed(20 + number)
end

function request()
  local first = math.random(0, file / size - 1) * size
  wrk.headers["Range"] = string.format("bytes=%d-%d", first, first + size - 1)
  return wrk.format("GET", path)
end
