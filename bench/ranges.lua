-- wrk: one ranged read after the other, each at a place of its own. Arguments: range bytes, file bytes, then headers.
local size, file, headers = 0, 0, {}

function init(arguments)
  size, file = tonumber(arguments[1]), tonumber(arguments[2])
  for at = 3, #arguments do
    local name, value = arguments[at]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  math.randomseed(20)
end

function request()
  local first = math.random(0, file / size - 1) * size
  headers["Range"] = string.format("bytes=%d-%d", first, first + size - 1)
  return wrk.format("GET", nil, headers)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "bytes": %d, "microseconds": %d, "errors": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
