-- For wrk: asks for one delivery after the other, and for each in one form after the other.
--   wrk … -s bench/deliveries.lua URL -- FILE-OF-IDS PAUSE-MS PATH-WITH-ID…
-- Tells, as JSON: requests, the latency's percentiles in milliseconds, what failed.
local ids, forms, at, pause = {}, {}, 0, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    ids[#ids + 1] = line:gsub("[^%w%-._~]", function(c) return string.format("%%%02X", c:byte()) end)
  end
  pause = tonumber(arguments[2])
  for i = 3, #arguments do forms[#forms + 1] = arguments[i] end
  math.randomseed(os.time())
  at = math.random(#ids)
  if pause == 0 then delay = nil end
end

-- Before each request of a connection: as a person or a dashboard would, not all at the same moment.
function delay() return math.random(math.floor(pause / 2), math.floor(pause * 3 / 2)) end

function request()
  at = at + 1
  return wrk.format("GET", (forms[at % #forms + 1]:gsub("ID", ids[at % #ids + 1])))
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.3f,"bytes":%d,"p50":%.3f,"p99":%.3f,"max":%.3f,"errors":%d}\n', summary.requests,
    summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency.max / 1000, e.status + e.connect + e.read + e.write + e.timeout))
end
