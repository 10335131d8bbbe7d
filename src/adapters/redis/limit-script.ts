/**
 * All limits of a call in one step (Lua; `EVAL`): every key of one slot. ARGV: what is to be done; until when, by the server's
 * clock in milliseconds, or an empty text; what time it is, or an empty text for the server's; the reservation's id; for how long
 * its settlement is remembered; then for each key nine: the kind; what a unit adds to the level; the room; the ceiling; the units;
 * what is left of the reservation; the share that it was left at; the life of the cell; when it ends (a budget's period, whose
 * start stands for the share, or how long a lease is).
 *
 * - `take`: reserves all units, or none. Answers `OK` or `NO`, the time, and for each key the level and what is left of the
 *   reservation, its share and its life; with `NO`, as the second, the units that were asked for.
 * - `settle`: gives back so many units, at most what is left of the reservation, or takes what is owed where they are less than
 *   none. Once for each id: a client may send again what it has no answer to. The last key remembers that.
 * - Before all that: `LATE` after the time until when, and `PERIOD` and the time where a budget's period is not the present one.
 *
 * A bucket is a time in whole milliseconds, how much longer than that it is not empty, its share for each millisecond of that,
 * and its life: see `Receipt` in the store in memory, which counts alike. Numbers are written with all their digits: those that
 * Lua writes by itself have fourteen. A client keeps commands while its connection is down and sends them later, so what is late is not done.
 */
export const limitScript: string = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if ARGV[2] ~= '' and now > tonumber(ARGV[2]) then return {'LATE'} end
local born = string.format('%s%06d', clock[1], clock[2])
if ARGV[3] ~= '' then now = tonumber(ARGV[3]) end
local id = ARGV[4]
local settles = ARGV[1] == 'settle'
local count = settles and #KEYS - 1 or #KEYS
local least, larger = 2 ^ -500, 2 ^ 500
local function text(number) return string.format('%.17g', number) end

local cells = {}
local fits = true
for i = 1, count do
  local key, at = KEYS[i], i * 9 - 4
  local cell = {
    key = key, kind = ARGV[at + 1], per = tonumber(ARGV[at + 2]), room = tonumber(ARGV[at + 3]), ceiling = tonumber(ARGV[at + 4]),
    units = tonumber(ARGV[at + 5]), left = tonumber(ARGV[at + 6]), share = tonumber(ARGV[at + 7]), life = ARGV[at + 8],
    ends = tonumber(ARGV[at + 9]), level = 0, slack = 0,
  }
  cells[i] = cell
  if cell.kind == 'bucket' then
    cell.slack = cell.room * 2 ^ -46
    local value = redis.call('GET', key)
    if value then
      local as, level, scale, life, grown = string.match(value, '^(%d+) (%S+) (%S+) (%d+) (%d+)$')
      cell.level = math.min(math.max(0, level - (now - as)), cell.ceiling)
      if cell.level > 0 then
        cell.now = tonumber(scale) * cell.level
        cell.own, cell.grown = life, tonumber(grown)
        if cell.now < least then
          cell.now = cell.now * larger
          cell.grown = cell.grown + 1
        end
      end
    end
    local life, grown = string.match(cell.life, '^(%d+)%.(%d+)$')
    if cell.left > 0 and cell.now and life == cell.own then
      local more = cell.grown - tonumber(grown)
      if more > 1 then cell.left = 0
      elseif more == 1 then cell.left = cell.left * cell.now / (cell.share * larger)
      else cell.left = cell.left * cell.now / cell.share end
    else
      cell.left = 0
    end
  elseif cell.kind == 'budget' then
    if now < cell.share or now >= cell.ends then return {'PERIOD', text(now)} end
    cell.level = tonumber(redis.call('GET', key) or 0)
  else
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
    cell.level = redis.call('ZCARD', key)
    if not settles and cell.left > 0 then
      if redis.call('ZSCORE', key, id .. ':0') then cell.holds = true else cell.units = cell.units + cell.left end
    end
  end
  if cell.units > 0 and not settles and not (cell.level + cell.units * cell.per <= cell.room + cell.slack) then fits = false end
end

local answer = {'OK', text(now)}
if settles then
  if not redis.call('SET', KEYS[#KEYS], '', 'NX', 'PX', ARGV[5]) then return {'DONE', text(now)} end
elseif not fits then
  answer[1] = 'NO'
  for i, cell in ipairs(cells) do
    answer[i * 4 - 1], answer[i * 4], answer[i * 4 + 1], answer[i * 4 + 2] = text(cell.level), text(cell.units), '1', ''
  end
  return answer
end

local function pour(cell, units)
  local level = math.min(cell.level + units * cell.per, cell.ceiling)
  if level <= 0 then
    redis.call('DEL', cell.key)
    cell.level, cell.now = 0, nil
    return
  end
  if cell.level == 0 then cell.now, cell.own, cell.grown = 1, born, 0 end
  cell.level = level
  local value = text(now) .. ' ' .. text(level) .. ' ' .. text(cell.now / level) .. ' ' .. cell.own .. ' ' .. string.format('%d', cell.grown)
  redis.call('SET', cell.key, value, 'PX', string.format('%.0f', math.ceil(level) + 1))
end

local function spend(cell, units)
  cell.level = math.max(0, cell.level + units)
  if cell.level == 0 then redis.call('DEL', cell.key)
  else redis.call('SET', cell.key, text(cell.level), 'PX', string.format('%.0f', math.ceil(cell.ends - now))) end
end

for i, cell in ipairs(cells) do
  local units = cell.units
  if cell.kind == 'places' then
    if settles then
      for place = 0, (units > 0 and cell.left or 0) - 1 do redis.call('ZREM', cell.key, id .. ':' .. place) end
    else
      local held = cell.holds and cell.left or 0
      for place = 0, held + units - 1 do redis.call('ZADD', cell.key, text(now + cell.ends), id .. ':' .. place) end
      cell.left = held + units
      cell.level = cell.level + units
      if cell.left > 0 and redis.call('PTTL', cell.key) < cell.ends then redis.call('PEXPIRE', cell.key, string.format('%.0f', math.ceil(cell.ends))) end
    end
  else
    local change = units
    if settles and units > 0 then
      change = -(cell.left * (1 + 2 ^ -20) >= units and units or cell.left)
    elseif settles then
      change = -units
    else
      cell.left = cell.left + units
    end
    if change ~= 0 then
      if cell.kind == 'bucket' then pour(cell, change) else spend(cell, change) end
    end
  end
  local life = cell.own and cell.own .. '.' .. string.format('%d', cell.grown) or ''
  answer[i * 4 - 1], answer[i * 4], answer[i * 4 + 1], answer[i * 4 + 2] = text(cell.level), text(cell.left), text(cell.now or 1), life
end
return answer
`.trim()
