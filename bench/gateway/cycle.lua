-- wrk: POST the bodies of a file in turn, rendered before the clock starts; say the end in JSON.
--   wrk -s cycle.lua URL -- FILE
-- A body a line is JSON. In a file that ends with .bin each comes after a line with two numbers, the
-- bytes of its JSON and all of its bytes: tensors of the Open Inference Protocol follow the JSON.

local requests, next_one = {}, 0

function init(args)
  wrk.method = "POST"
  if args[1]:match("%.bin$") then
    read_tensors(assert(io.open(args[1], "rb")))
    return
  end
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
  end
end

function read_tensors(file)
  for sizes in file:lines() do
    local json, all = sizes:match("(%d+) (%d+)")
    wrk.headers["Inference-Header-Content-Length"] = json
    requests[#requests + 1] = wrk.format(nil, nil, nil, file:read(tonumber(all)))
  end
  file:close()
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"broken":%d,"refused":%d,"p50":%.1f,"p99":%.1f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
