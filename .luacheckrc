-- Redis runs each script with common.lua in front of it, so what that defines is known in all of them.
std = "lua51"
max_line_length = 160

local known = { "redis", "ARGV", "KEYS" }
for path in io.popen("find authsvc -name common.lua"):lines() do
  for line in io.lines(path) do
    known[#known + 1] = line:match("^local function ([%w_]+)") or line:match("^local ([%w_]+) =")
  end
end

files["authsvc/**/*.lua"] = { read_globals = known }
files["**/common.lua"] = { ignore = { "211" } } -- what it defines is used by the others
files["bench/**/*.lua"] = { globals = { "setup", "init", "request", "done" }, read_globals = { "wrk", "number" } } -- of wrk, and what setup() gives each thread
