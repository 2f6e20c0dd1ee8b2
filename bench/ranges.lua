-- wrk: one ranged read after the other, each at a place of its own.
-- Arguments: range bytes, file bytes, then headers and paths. Of the paths each thread reads its own.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local size, file, headers, paths = 0, 0, {}, {}

function init(arguments)
  size, file = tonumber(arguments[1]), tonumber(arguments[2])
  for at = 3, #arguments do
    local name, value = arguments[at]:match("^([^:/]+): (.*)$")
    if name then
      headers[name] = value
    else
      table.insert(paths, arguments[at])
    end
  end
  math.randomseed(20 + number)
end

function request()
  local first = math.random(0, file / size - 1) * size
  headers["Range"] = string.format("bytes=%d-%d", first, first + size - 1)
  local path = #paths > 0 and paths[number % #paths + 1] or nil
  return wrk.format("GET", path, headers)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "bytes": %d, "microseconds": %d, "p50": %d, "p99": %d,'
      .. ' "errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
