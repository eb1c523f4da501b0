-- wrk: POSTs the bodies of a file, one a line, each in its turn; stops when each was sent once, if it is to.
-- arguments: path of the requests ("-": each line is a path, without a body) | file | first line to send, from 0 |
-- "once" or "again" | key ("-": none) | file for the answers ("-": none)
local requests, answers, at, sent, once = {}, nil, 0, 0, false

function init(args)
  local headers = {["Content-Type"] = "application/json", ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
  if args[5] ~= "-" then headers["Authorization"] = "Bearer " .. args[5] end
  for line in io.lines(args[2]) do
    local path, body = args[1], line
    if path == "-" then path, body = line, "" end
    requests[#requests + 1] = wrk.format("POST", path, headers, body)
  end
  at, once = tonumber(args[3]) % #requests, args[4] == "once"
  if args[6] ~= "-" then answers = io.open(args[6], "w") end
  if answers or once then
    response = function(_, _, body)
      if answers then answers:write(body, "\n") end
      if once and sent >= #requests then wrk.thread:stop() end
    end
  end
end

function request()
  at = at % #requests + 1
  sent = sent + 1
  return requests[at]
end
