/** Classes of ASCII characters, as bits. Tables instead of regular expressions: one look-up decides, and nothing backtracks. */
export const digit = 1
export const upper = 2
export const lower = 4
export const letter: number = upper | lower
export const alphanumeric: number = digit | letter
export const underscore = 8
export const hyphen = 16
export const dot = 32
/** What else stands in the local part of an e-mail address. */
export const local = 64
export const space = 128

const classes = new Uint8Array(128)
for (let code = 48; code <= 57; code++) classes[code] = digit
for (let code = 65; code <= 90; code++) classes[code] = upper
for (let code = 97; code <= 122; code++) classes[code] = lower
classes[95] = underscore
classes[45] = hyphen
classes[46] = dot
for (const character of "%+'") classes[character.charCodeAt(0)] = local
for (const character of ' \t\r\n') classes[character.charCodeAt(0)] = space

/** The class bits of a UTF-16 unit; 0 beyond ASCII and for no character (-1). */
export function classOf(code: number): number {
  return code >= 0 && code < 128 ? (classes[code] ?? 0) : 0
}

/** Whether a unit beyond ASCII is a letter of an alphabet that mail and domain names are commonly written in: Latin, Greek, Cyrillic. */
export function isOtherLetter(code: number): boolean {
  return (code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7) || (code >= 0x370 && code <= 0x52f)
}
