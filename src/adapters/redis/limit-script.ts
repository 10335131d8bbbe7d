/**
 * All limits of a call in one step, and those of several calls one after the other (Lua; `EVAL`): every key of one slot. ARGV:
 * until when, by the server's clock in milliseconds, or an empty text; what time it is, or an empty text for the server's; for how
 * long settlements are remembered. Then for each call: what is to be done; the reservation's id; how many limits; and for each of
 * them five: `b` (a bucket), `d` (a budget) or `p` (places); what a unit adds to the
 * level, or when a budget's period began; the room; the units; the ceiling, or when the period ends, or how long a lease is. Where a
 * reservation was made before, three more: what is left of it, the share that it was left at, and the life of the cell.
 *
 * - `reserve` and `extend`: takes all units, or none. Answers `OK` or `NO`, the time, and for each key a text: the level, what is
 *   left of the reservation, its share and the life; with `NO`, as the second, the units that were asked for. With `OK` a
 *   bucket's level is in times of 2^-16 milliseconds, and a share above one in times of 2^-52: whole numbers are written several
 *   times faster, and nothing hangs on more.
 * - `settle`: gives back so many units, at most what is left of the reservation, or takes what is owed where they are less than
 *   none. Once for each id: a client may send again what it has no answer to. The last key remembers that.
 * - `PERIOD` and the time where a budget's period is not the present one, `BAD` where a key holds something else, and nothing but
 *   `LATE` for all of them after the time until when.
 *
 * A bucket is five numbers of 64 bits: a time in whole milliseconds, how much longer than that it is not empty, its share for each
 * millisecond of that, its life, and how often its share was written anew. See `Receipt` in the store in memory, which counts
 * alike. Numbers are never left for Lua to write by itself: it
 * writes fourteen digits. A client keeps commands
 * while its connection is down and sends them later, so what is late is not done.
 */
export const limitScript: string = `
local call, format, tonumber, min, max = redis.call, string.format, tonumber, math.min, math.max
local write, read = struct.pack, struct.unpack
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local isLate = ARGV[1] ~= '' and now > tonumber(ARGV[1])
local born = clock[1] * 1000000 + clock[2]
-- Keys expire by the server's own clock, and not before a clock that may go slower says so.
local spare = 1
if ARGV[2] ~= '' then now, spare = tonumber(ARGV[2]), 3600000 end
local least, larger = 2 ^ -500, 2 ^ 500
local floor, ceil = math.floor, math.ceil
local function text(number)
  if number == floor(number) and number < 9e15 then return format('%d', number) end
  return format('%.17g', number)
end

local function one(op, id, count, before, first, stride)
  local settles = op == 'settle'
  local cells = {}
  local fits = true
  local at = first
  for i = 1, count do
    local key, kind = KEYS[before + i], ARGV[at + 1]
    local room, units, ends, left = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), 0
    if stride == 8 then left = tonumber(ARGV[at + 6]) end
    local level, per, slack, share, life, grown, holds = 0, 1, 0, 1, 0, 0, false
    if kind == 'b' then
      per, slack = tonumber(ARGV[at + 2]), room * 2 ^ -46
      local value = call('GET', key)
      if value then
        if #value ~= 40 then error('no limit') end
        local as, full, scale
        as, full, scale, life, grown = read('>ddddd', value)
        if not (full >= 0) then error('no limit') end
        level = min(max(0, full - (now - as)), ends)
        if level > 0 then
          share = scale * level
          if share < least then share, grown = share * larger, grown + 1 end
        else
          life = 0
        end
      end
      if left > 0 then
        local was = tonumber(ARGV[at + 7])
        if was > 1 then was = was / 2 ^ 52 end
        local own, earlier = string.match(ARGV[at + 8], '^(%d+)%.(%d+)$')
        if level > 0 and tonumber(own) == life then
          local more = grown - tonumber(earlier)
          if more > 1 then left = 0
          elseif more == 1 then left = left * share / (was * larger)
          else left = left * share / was end
        else
          left = 0
        end
      end
    elseif kind == 'd' then
      if now < tonumber(ARGV[at + 2]) or now >= ends then return {'PERIOD', text(now)} end
      level = tonumber(call('GET', key) or 0)
    else
      call('ZREMRANGEBYSCORE', key, '-inf', now)
      level = call('ZCARD', key)
      if not settles and left > 0 then
        if call('ZSCORE', key, id .. ':0') then holds = true else units = units + left end
      end
    end
    if units > 0 and not settles and not (level + units * per <= room + slack) then fits = false end
    cells[i] = {level, units, left, per, ends, share, life, grown, holds}
    at = at + stride
  end

  local answer = {'OK', text(now)}
  if settles then
    if not call('SET', KEYS[before + count + 1], '', 'NX', 'PX', ARGV[3]) then return {'DONE', answer[2]} end
  elseif not fits then
    answer[1] = 'NO'
    for i = 1, count do answer[i + 2] = text(cells[i][1]) .. ' ' .. text(cells[i][2]) .. ' 1 0.0' end
    return answer
  end

  at = first
  for i = 1, count do
    local key, kind = KEYS[before + i], ARGV[at + 1]
    local level, units, left, per, ends, share, life, grown, holds = unpack(cells[i])
    if kind == 'p' then
      if settles then
        for place = 0, (units > 0 and left or 0) - 1 do call('ZREM', key, id .. ':' .. place) end
      else
        if not holds then left = 0 end
        for place = 0, left + units - 1 do call('ZADD', key, now + ends, id .. ':' .. place) end
        left, level = left + units, level + units
        if left > 0 and call('PTTL', key) < ends then call('PEXPIRE', key, text(ceil(ends) + spare)) end
      end
    else
      local change = units
      if not settles then left = left + units
      elseif units > 0 then change = -(left * (1 + 2 ^ -20) >= units and units or left)
      else change = -units end
      if change ~= 0 then
        if kind == 'b' then
          if level == 0 then share, life, grown = 1, born, 0 end
          level = min(level + change * per, ends)
          if level <= 0 then
            level = 0
            call('DEL', key)
          else
            call('SET', key, write('>ddddd', now, level, share / level, life, grown), 'PX', format('%d', ceil(level) + spare))
          end
        else
          level = max(0, level + change)
          if level == 0 then call('DEL', key) else call('SET', key, text(level), 'PX', text(ceil(ends - now) + spare)) end
        end
      end
    end
    if kind == 'b' and share >= 2 ^ -16 and left == floor(left) and left < 9e15 then
      answer[i + 2] = format('%d %d %d %d.%d', floor(level * 65536), left, share * 2 ^ 52, life, grown)
    else
      answer[i + 2] = text(kind == 'b' and floor(level * 65536) or level) .. ' ' .. text(left) .. ' ' .. format('%.17g %d.%d', share, life, grown)
    end
    at = at + stride
  end
  return answer
end

local answers = {}
local before, at = 0, 3
while at < #ARGV do
  local op, count = ARGV[at + 1], tonumber(ARGV[at + 3])
  local stride = op == 'reserve' and 5 or 8
  local isDone, answer = not isLate, {'LATE'}
  if isDone then isDone, answer = pcall(one, op, ARGV[at + 2], count, before, at + 3, stride) end
  answers[#answers + 1] = (isDone or isLate) and answer or {'BAD'}
  before = before + count + (op == 'settle' and 1 or 0)
  at = at + 3 + count * stride
end
return answers
`.trim()
