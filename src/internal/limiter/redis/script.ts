import type * as Core from "./core.js"

/**
 * The transitions of `core.ts` in Lua, over one hash.
 *
 * The field `state` and one field for each process hold numbers and names, separated by spaces. Lua
 * has doubles, as JavaScript has, and whole microseconds since 1970 are exact in them; but its
 * conversion to text is not, so all numbers are formatted.
 *
 * `INFO` may be forbidden. Then a failover is only recognized if it lost the whole state.
 *
 * @internal
 */
export const lua = `
local key = KEYS[1]
local function words(text)
  local found = {}
  for word in string.gmatch(text, '%S+') do found[#found + 1] = word end
  return found
end
local function whole(number) return string.format('%.0f', number) end

local limit, interval, allowance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window, deadAfter = tonumber(ARGV[4]), tonumber(ARGV[5])
local settle, silence, probeInterval = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local process, seq, epoch = ARGV[9], tonumber(ARGV[10]), ARGV[11]
local claimed, want, need = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local pause, probe = tonumber(ARGV[15]), tonumber(ARGV[16])
local endedProbe, failedProbe, leave = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])

local clock, server = tonumber(ARGV[20]), ARGV[21]
if clock == nil then
  local time = redis.call('TIME')
  clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local info = redis.pcall('INFO', 'server')
  server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '-'
end

local state
local processes = {}
local stored = redis.call('HGETALL', key)
for i = 1, #stored, 2 do
  local w = words(stored[i + 1])
  if stored[i] == 'state' then
    state = {
      epoch = w[1], server = w[2], time = tonumber(w[3]), offset = tonumber(w[4]), openAt = tonumber(w[5]),
      pacedAt = tonumber(w[6]), pausedUntil = tonumber(w[7]), probeAt = tonumber(w[8]), pauses = tonumber(w[9]),
      ended = tonumber(w[10]), gathering = w[11]
    }
  else
    processes[string.sub(stored[i], 3)] = {
      leased = tonumber(w[1]), seq = tonumber(w[2]), seen = tonumber(w[3]), since = tonumber(w[4]),
      need = tonumber(w[5]), ['until'] = tonumber(w[6])
    }
  end
end
if state == nil then
  state = {
    epoch = whole(clock) .. '-' .. server, server = server, time = clock, offset = 0, openAt = clock + settle,
    pacedAt = 0, pausedUntil = 0, probeAt = 0, pauses = 0, ended = 0, gathering = '-'
  }
end

local known = processes[process]
if known ~= nil and seq <= known.seq then return false end

local offset = math.max(state.offset, state.time - clock)
local now = clock + offset

local isLost = (epoch ~= '-' and epoch ~= state.epoch) or server ~= state.server
if now - state.time > silence then
  for _, p in pairs(processes) do
    if p.leased > 0 and p.since >= 0 and p['until'] - now <= settle then isLost = true end
  end
end
local openAt = state.openAt
if isLost then openAt = math.max(openAt, now + settle + window) end
local isOpen = now >= openAt

for id, p in pairs(processes) do
  if id ~= process and isOpen and now >= p['until'] then
    processes[id] = nil
    redis.call('HDEL', key, 'p:' .. id)
  end
end

local held = claimed
if isOpen and epoch == state.epoch and (known == nil or known.since < 0 or now >= known['until']) then held = 0 end

local function isWaiting(p) return p.since > 0 and now - p.seen <= silence end
local gatherer
if state.gathering ~= process then gatherer = processes[state.gathering] end
if gatherer ~= nil and not (isWaiting(gatherer) and gatherer.need > gatherer.leased) then gatherer = nil end
local since = 0
if want > 0 then
  since = now
  if known ~= nil and known.since > 0 then since = known.since end
end

local free, shared = limit - held, limit
local waiting, staying, without, ahead, leases = 0, 0, 0, 0, {}
for id, p in pairs(processes) do
  if id ~= process then
    free = free - p.leased
    if p.since >= 0 then staying = staying + 1 end
    if gatherer ~= nil and id == state.gathering then
      shared = shared - p.need
    elseif isWaiting(p) then
      waiting = waiting + 1
      if p.leased > 0 then leases[#leases + 1] = p.leased end
      if p.leased == 0 then
        without = without + 1
        if held > 0 or p.since < since then ahead = ahead + 1 end
      end
    else
      shared = shared - p.leased
    end
  end
end
local even = math.max(0, math.floor(shared / (waiting + 1)))
local more = 0
for _, leased in ipairs(leases) do
  if leased > even then more = more + 1 end
end
local share = even
if gatherer == nil then
  if waiting == 0 then
    share = limit
  elseif even == 0 then
    share = (held > 0 and without > 0) and 0 or 1
  elseif more < shared - even * (waiting + 1) then
    share = even + 1
  end
end
local isGathering = gatherer == nil and need > math.max(1, share)
local target = share
if isGathering then target = math.max(share, need) end

local pacedAt = math.max(state.pacedAt, now - allowance * interval)
local paced = limit
if interval > 0 then paced = math.floor((now - pacedAt) / interval) end
local available = free
if not isGathering then
  available = free - ahead
  if gatherer ~= nil then available = available - (gatherer.need - gatherer.leased) end
end
local granted = 0
if isOpen and leave < 0 then granted = math.max(0, math.min(want, available, target - held, paced)) end
local leased = held + granted
local isShort = want > granted

local ended, pauses, pausedUntil, probeAt = state.ended, state.pauses, state.pausedUntil, state.probeAt
if endedProbe > 0 and endedProbe == state.pauses then
  ended = state.pauses
  pausedUntil = 0
end
if failedProbe > 0 and failedProbe == state.pauses then probeAt = math.max(probeAt, now + probeInterval) end
if pause > 0 then
  pauses = pauses + 1
  pausedUntil = math.max(pausedUntil, now + pause)
  probeAt = math.max(probeAt, now + math.min(pause, probeInterval))
end
local mayProbe = 0
if probe > 0 and now < pausedUntil and probeAt <= now then
  mayProbe = 1
  probeAt = now + probeInterval
  target = math.max(target, leased)
end

local own
if leave < 0 then
  staying = staying + 1
  local s, n = 0, 0
  if isShort then
    s, n = since, need
    if leased > 0 then s = now end
  end
  own = { leased, seq, now, s, n, now + deadAfter + window }
elseif leased > 0 then
  own = { leased, seq, now, -1, 0, now + leave }
end
if own == nil then
  redis.call('HDEL', key, 'p:' .. process)
else
  for i = 1, #own do own[i] = whole(own[i]) end
  redis.call('HSET', key, 'p:' .. process, table.concat(own, ' '))
end
local gathering = '-'
if gatherer ~= nil then
  gathering = state.gathering
elseif isGathering and isShort and leased < need then
  gathering = process
end
redis.call('HSET', key, 'state', table.concat({
  state.epoch, server, whole(now), whole(offset), whole(openAt), whole(pacedAt + granted * interval),
  whole(pausedUntil), whole(probeAt), whole(pauses), whole(ended), gathering
}, ' '))
local remaining = math.max(0, pausedUntil - now)
redis.call('PEXPIRE', key, whole(86400000 + math.ceil((deadAfter + window + math.max(remaining, leave)) / 1000)))
return { state.epoch, whole(leased), whole(target), whole(staying), whole(remaining), whole(pauses), whole(ended),
  whole(mayProbe) }
`

/** @internal */
export const encode = (rule: Core.Rule, message: Core.Message): ReadonlyArray<string> =>
  [
    rule.limit,
    rule.interval,
    rule.allowance,
    rule.window,
    rule.deadAfter,
    rule.settle,
    rule.silence,
    rule.probeInterval,
    message.process,
    message.seq,
    message.epoch === "" ? "-" : message.epoch,
    message.leased,
    message.want,
    message.need,
    message.pause,
    message.probe,
    message.ended,
    message.failed,
    message.leave
  ].map(String)

/**
 * Decodes a reply; `undefined` if a later message has overtaken this one, or if it is not a reply.
 *
 * @internal
 */
export const decode = (reply: unknown): Core.Reply | undefined => {
  if (!Array.isArray(reply) || reply.length !== 8) return undefined
  const [epoch, ...rest] = reply.map(String)
  const [leased, target, processes, paused, pauses, ended, probe] = rest.map(Number)
  return epoch === undefined || leased === undefined || target === undefined || processes === undefined ||
      paused === undefined || pauses === undefined || ended === undefined || probe === undefined ||
      rest.some((word) => !Number.isSafeInteger(Number(word)))
    ? undefined
    : { epoch, leased, target, processes, paused, pauses, ended, probe }
}
