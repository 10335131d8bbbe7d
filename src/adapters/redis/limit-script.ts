/**
 * All limits of a call in one step, and those of several calls one after the other (Lua; `EVAL`). ARGV: until when, by the server's
 * clock in milliseconds, or an empty text; what time it is, or an empty text for the server's; for how long settlements are
 * remembered; and how many forms there are: what calls have in common is said once.
 *
 * A form: what is to be done; whether the reservation's id is told; how many scopes there are, which are keys that limits are of.
 * Each scope: how many limits; the header of its cells; and for each limit five: `b` (a bucket), `d` (a budget) or `p` (places); what
 * a unit adds to the level, or when a budget's period began; the room; the ceiling, or when the period ends, or how long a lease is;
 * and of a budget how long it is held what is reserved. Then for each call: its form, counted from 1; the id, where it is told; the
 * units of each limit; and where a reservation was made before, two for each limit: what is left of it, in a bucket by its share, and the age of
 * the bucket. KEYS, for each call and scope: that of its cells, where it has any but places; then, in the order of the limits, one for
 * the places of each, or for what is held of a budget.
 *
 * - `reserve` and `extend`: takes all units, or none. Answers 1, the time, and for each limit the level, of a bucket its share and its
 *   age, and with `extend` what is left of the reservation. Where they do not fit: 0, the time, and for each limit the level and the
 *   units that were asked for. With 1, a bucket's level is in times of 2^-16 milliseconds, a share above one in times of 2^-40, and its
 *   age is told from the time on: what is whole and short is written and read several times faster.
 * - `settle` and `correct`: gives back so many units, at most what is left of the reservation, or takes what is owed where they are
 *   less than none; after `settle` nothing is held any more. Once for each id, since a client may send again what it has no answer
 *   to: the last key remembers that. Answers 3 and the time where it was done already. \`again\` settles budgets that are held yet, where
 *   nobody knows whether they were settled.
 * - 2 and the time where a budget's period is not the present one, 4 where a key holds something else, and 5 after the time until when.
 *
 * The cells of a scope are one text: the names of their limits, a line each, an empty line, numbers of 64 bits: until when the key is kept, and four for each limit. A
 * bucket's: a time in whole milliseconds; how much longer than that it is not empty; its share for each millisecond of that; its age,
 * which is when its life began, in microseconds, and one more whenever its share was written anew. A budget's: when its period ends,
 * less than zero; what is spent; from when on something held may have run out; when its period began. See \`Receipt\` in the store in
 * memory, which counts alike. A client keeps commands while its connection is down and sends them later, so what is late is not done.
 */
export const limitScript: string = `
local ARGV, KEYS, pcall, error, unpack, tonumber = ARGV, KEYS, pcall, error, unpack, tonumber
local call, format, floor, ceil, sub, match, gmatch = redis.call, string.format, math.floor, math.ceil, string.sub, string.match, string.gmatch
local write, read = struct.pack, struct.unpack
local clock = call('TIME')
local now = clock[1] * 1000 + floor(clock[2] / 1000)
local isLate = ARGV[1] ~= '' and now > ARGV[1] + 0
local born = clock[1] * 1000000 + clock[2]
-- Keys expire by the server's own clock, and not before a clock that may go slower says so.
local spare = 1
if ARGV[2] ~= '' then now, spare = ARGV[2] + 0, 3600000 end
local since = now * 1000
local least, larger, tolerance, slack = 2 ^ -500, 2 ^ 500, 1 + 2 ^ -20, 1 + 2 ^ -46
local toLevel, toShare, leastToShare = 2 ^ 16, 2 ^ 40, 2 ^ -16
-- Whole numbers are written whole by themselves; others would be cut.
local function number(value)
  if value % 1 == 0 and value < 9e15 then return value end
  return format('%.17g', value)
end

local forms, at = {}, 5
for f = 1, ARGV[4] + 0 do
  local op = ARGV[at]
  local form = {op = op, settles = op == 'settle' or op == 'correct' or op == 'again', made = op ~= 'reserve', tells = ARGV[at + 1] == '1', scopes = ARGV[at + 2] + 0, words = 1, keys = 0}
  if form.settles then form.keys = 1 end
  if form.tells then form.words = 2 end
  at = at + 3
  for s = 1, form.scopes do
    local count, cells = ARGV[at] + 0, 0
    local scope = {count = count, head = ARGV[at + 1], kind = {}, per = {}, room = {}, ends = {}, lease = {}, place = {}}
    at = at + 2
    for i = 1, count do
      local kind = ARGV[at]
      scope.kind[i], scope.per[i], scope.room[i], scope.ends[i], scope.place[i] = kind, ARGV[at + 1] + 0, ARGV[at + 2] + 0, ARGV[at + 3] + 0, 1 + cells * 4
      if kind == 'b' then scope.room[i] = scope.room[i] * slack else form.keys = form.keys + 1 end
      if kind == 'd' then scope.lease[i] = ARGV[at + 4] + 0 end
      if kind ~= 'p' then cells = cells + 1 end
      at = at + 5
    end
    if cells > 0 then form.keys = form.keys + 1 end
    form.words = form.words + (form.made and 3 or 1) * count
    scope.numbers, scope.header, scope.size, scope.shape = 4 * cells, #scope.head, #scope.head + 32 * cells + 8, '<' .. string.rep('d', 4 * cells + 1)
    form[s] = scope
  end
  forms[f] = form
end

-- The cells of this scope, where others are with them or they are in another order; and the others.
local function sorted(value, scope)
  local names, numbers = match(value, '^(.-\\n)\\n(.*)$')
  if not names or #numbers < 8 then error('no limit') end
  local found, order, place, kept = {}, {}, 9, read('<d', numbers)
  for name in gmatch(names, '([^\\n]*)\\n') do
    found[name] = {read('<dddd', numbers, place)}
    order[#order + 1] = name
    place = place + 32
  end
  if place ~= #numbers + 1 then error('no limit') end
  local nums, rest = {kept}, {}
  for name in gmatch(scope.head, '([^\\n]+)\\n') do
    local cell = found[name] or {0, 0, 0, 0}
    for i = 1, 4 do nums[#nums + 1] = cell[i] end
    found[name] = nil
  end
  for i = 1, #order do
    local name = order[i]
    if found[name] then rest[#rest + 1] = {name, found[name]} end
  end
  return nums, rest
end

local function cellsOf(scope, key)
  local value = call('GET', key)
  if not value then
    local nums = {}
    for i = 1, scope.numbers + 1 do nums[i] = 0 end
    return nums
  end
  if #value == scope.size and sub(value, 1, scope.header) == scope.head then return {read(scope.shape, value, scope.header + 1)} end
  return sorted(value, scope)
end

-- When a cell holds nothing any more.
local function ending(at, level)
  if not (level > 0) then return 0 end
  if at < 0 then return -at end
  return at + level
end

local function save(scope, key, nums, rest)
  local latest, names, numbers = 0, scope.head, ''
  for i = 2, scope.numbers, 4 do
    local at, level = nums[i], nums[i + 1]
    if level > 0 then
      local ends = at < 0 and -at or at + level
      if ends > latest then latest = ends end
    end
  end
  if rest then
    names = sub(names, 1, -2)
    for i = 1, #rest do
      local cell = rest[i][2]
      local ends = ending(cell[1], cell[2])
      if ends > now then
        names, numbers = names .. rest[i][1] .. '\\n', numbers .. write('<dddd', unpack(cell, 1, 4))
        if ends > latest then latest = ends end
      end
    end
    names = names .. '\\n'
  end
  if latest <= now then return call('DEL', key) end
  -- A key expires a little later than it must, so that it need not be told each time.
  local kept = nums[1]
  if kept >= latest and kept <= latest + (latest - now) then
    call('SET', key, names .. write(scope.shape, unpack(nums, 1, scope.numbers + 1)) .. numbers, 'KEEPTTL')
  else
    nums[1] = latest + (latest - now) / 4
    call('SET', key, names .. write(scope.shape, unpack(nums, 1, scope.numbers + 1)) .. numbers, 'PX', format('%d', ceil(nums[1] - now) + spare))
  end
end

local function expire(key, lease)
  if call('PTTL', key) < lease then call('PEXPIRE', key, format('%d', ceil(lease) + spare)) end
end

local function nameOf(id, units) return id .. ' ' .. format('%.17g', units) end

-- What was held by whoever is gone: it comes back. Gives how much, and when more may.
local function lapsed(key)
  local back, latest = 0, format('%d', now)
  local gone = call('ZRANGEBYSCORE', key, '-inf', latest)
  for i = 1, #gone do back = back + match(gone[i], ' (.*)$') end
  call('ZREMRANGEBYSCORE', key, '-inf', latest)
  local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return back, first[2] and first[2] + 0 or 0
end

-- Of the limits of one call at a time.
local levels, wanted, lefts, shares, ages, holding = {}, {}, {}, {}, {}, {}

local function one(form, at, key)
  local settles, made, scopes, id = form.settles, form.made, form.scopes, ''
  if form.tells then id, at = ARGV[at], at + 1 end
  local fits, c, cells, others, dirty, first = true, 0, {}, {}, {}, key
  for s = 1, scopes do
    local scope = form[s]
    local count, nums, rest = scope.count
    local kinds, pers, rooms, places = scope.kind, scope.per, scope.room, scope.place
    local was = at + count
    if scope.numbers > 0 then
      nums, rest = cellsOf(scope, KEYS[key])
      cells[s], others[s], key = nums, rest, key + 1
    end
    for i = 1, count do
      local kind, per, place = kinds[i], pers[i], places[i]
      local units, level, left, share, age, holds = ARGV[at] + 0, 0, 0, 1, 0, false
      if made then left = ARGV[was] + 0 end
      c = c + 1
      if kind == 'b' then
        local full = nums[place + 2]
        if full > 0 then
          level = full - (now - nums[place + 1])
          if level > scope.ends[i] then level = scope.ends[i] end
          if level > 0 then
            share, age = nums[place + 3] * level, nums[place + 4]
            if share < least then share, age = share * larger, age + 1 end
          else
            level = 0
          end
        elseif full ~= 0 then
          error('no limit')
        end
        if left > 0 then
          local more = level > 0 and age - ARGV[was + 1] or 2
          if more == 0 then left = left * share elseif more == 1 then left = left * share / larger else left = 0 end
        end
      elseif kind == 'd' then
        if now < per or now >= scope.ends[i] then return {2, now} end
        if nums[place + 4] == per then level = nums[place + 2] else nums[place + 2], nums[place + 3] = 0, 0 end
        if not (level >= 0) then error('no limit') end
        local held = KEYS[key]
        key, per = key + 1, 1
        if nums[place + 3] > 0 and nums[place + 3] <= now then
          local back
          back, nums[place + 3] = lapsed(held)
          level = level > back and level - back or 0
          nums[place + 2], dirty[s] = level, true
        end
        if left > 0 then
          holds = id == '' or call('ZSCORE', held, nameOf(id, left))
          if not holds and not settles then units = units + left end
        end
      else
        local held = KEYS[key]
        key, per = key + 1, 1
        call('ZREMRANGEBYSCORE', held, '-inf', format('%d', now))
        level = call('ZCARD', held)
        if not settles and left > 0 then
          holds = call('ZSCORE', held, id .. ':0')
          if not holds then units = units + left end
        end
      end
      if units > 0 and not settles and not (level + units * per <= rooms[i]) then fits = false end
      levels[c], wanted[c], shares[c], ages[c] = level, units, share, age
      if made then lefts[c] = left end
      holding[c] = holds
      at, was = at + 1, was + 2
    end
    if made then at = was end
  end

  local answer, told = {1, now}, 2
  if settles then
    if not call('SET', KEYS[key], '', 'NX', 'PX', ARGV[3]) then return {3, now} end
  elseif not fits then
    answer[1] = 0
    for i = 1, c do
      answer[told + 1], answer[told + 2] = number(levels[i]), number(wanted[i])
      told = told + 2
    end
    key = first
    for s = 1, scopes do
      if dirty[s] then save(form[s], KEYS[key], cells[s], others[s]) end
      if cells[s] then key = key + 1 end
      for i = 1, form[s].count do
        if form[s].kind[i] ~= 'b' then key = key + 1 end
      end
    end
    return answer
  end

  c, key = 0, first
  for s = 1, scopes do
    local scope, nums, isDirty, own = form[s], cells[s], dirty[s], key
    local kinds, pers, places = scope.kind, scope.per, scope.place
    if nums then key = key + 1 end
    for i = 1, scope.count do
      local kind, place, ends = kinds[i], places[i], scope.ends[i]
      c = c + 1
      local level, units, share, age = levels[c], wanted[c], shares[c], ages[c]
      local left = made and lefts[c] or 0
      if kind == 'b' then
        local change = units
        if settles then
          if units < 0 then change = -units elseif left * tolerance >= units then change = -units else change = -left end
        else
          left = left + units
        end
        if change ~= 0 then
          if level == 0 then share, age, born = 1, born, born + 1 end
          level, isDirty = level + change * pers[i], true
          if level > ends then level = ends end
          if level > 0 then
            nums[place + 1], nums[place + 2], nums[place + 3], nums[place + 4] = now, level, share / level, age
          else
            level, nums[place + 2] = 0, 0
          end
        end
        if not settles then
          local whole = level * toLevel
          answer[told + 1] = whole < 9e15 and whole or number(floor(whole))
          answer[told + 2] = share >= leastToShare and share * toShare + 1 or format('%.17g', share)
          answer[told + 3], told = age - since, told + 3
        end
      elseif kind == 'd' then
        local held, lease, holds = KEYS[key], scope.lease[i], holding[c]
        local change, rest = units, holds and left + units or units
        key = key + 1
        if settles then
          if left > 0 and not holds then change = form.op == 'again' and 0 or left - units
          elseif units < 0 then change = -units
          elseif left * tolerance >= units then change = -units
          else change = -left end
          rest = 0
          if form.op == 'correct' and holds then rest = left - (units > 0 and units or 0) end
        end
        if id ~= '' then
          if left > 0 and holds then call('ZREM', held, nameOf(id, left)) end
          if rest > 0 then
            call('ZADD', held, format('%d', now + lease), nameOf(id, rest))
            expire(held, lease)
            if nums[place + 3] == 0 then nums[place + 3], isDirty = now + lease, true end
          end
        end
        if change ~= 0 then
          level, isDirty = level + change, true
          if level < 0 then level = 0 end
          nums[place + 2] = level
        end
        if isDirty then nums[place + 1], nums[place + 4] = -ends, pers[i] end
        left = rest
      else
        local held, holds = KEYS[key], holding[c]
        key = key + 1
        if settles then
          for p = 0, (units > 0 and left or 0) - 1 do call('ZREM', held, id .. ':' .. p) end
        else
          if not holds then left = 0 end
          for p = 0, left + units - 1 do call('ZADD', held, format('%d', now + ends), id .. ':' .. p) end
          left, level = left + units, level + units
          if left > 0 then expire(held, ends) end
        end
      end
      if not settles then
        if kind ~= 'b' then answer[told + 1], told = number(level), told + 1 end
        if made then answer[told + 1], told = number(left), told + 1 end
      end
    end
    if isDirty then save(scope, KEYS[own], nums, others[s]) end
  end
  return answer
end

local answers, count, words, key = {}, 0, #ARGV, 1
while at <= words do
  local form = forms[ARGV[at] + 0]
  count = count + 1
  if isLate then
    answers[count] = {5}
  else
    local isDone, answer = pcall(one, form, at + 1, key)
    answers[count] = isDone and answer or {4}
  end
  at, key = at + form.words, key + form.keys
end
return answers
`.trim()
