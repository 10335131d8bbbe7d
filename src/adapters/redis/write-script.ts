/**
 * One write, on the server that has the key, in one step (Lua; `EVAL`). ARGV: until when it may be done, by the server's own clock
 * in milliseconds, or an empty text; what is to be done; the value; when it expires, in milliseconds, or an empty text; for
 * `replace` and `forget` what must be there (`1` and the value, or an empty text where nothing must be).
 *
 * A client keeps commands while its connection is down and sends them later. One that was refused meanwhile must not be carried
 * out then: it could undo what others have revoked since.
 */
export const writeScript: string = `
if ARGV[1] ~= '' then
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[1]) then return 'LATE' end
end
local function write(...)
  if ARGV[4] == '' then return redis.call('SET', KEYS[1], ARGV[3], ...) end
  return redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4], ...)
end
if ARGV[2] == 'add' then
  if write('NX') then return 'DONE' end
  return 'KEPT'
end
if ARGV[2] == 'set' then
  write()
  return 'DONE'
end
if ARGV[2] == 'delete' then
  redis.call('DEL', KEYS[1])
  return 'DONE'
end
local found = redis.call('GET', KEYS[1])
if ARGV[5] == '' then
  if found then return 'KEPT' end
elseif found ~= ARGV[6] then
  return 'KEPT'
end
if ARGV[2] == 'forget' then redis.call('DEL', KEYS[1]) else write() end
return 'DONE'
`.trim()

/** What is to be done. */
export type Write = 'add' | 'set' | 'delete' | 'replace' | 'forget'
