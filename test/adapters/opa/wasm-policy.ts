/** A rule of a policy that is assembled here: what the document is where the input, or the data, has a text in it. */
export interface WasmRule {
  readonly entrypoint: string
  readonly in?: 'input' | 'data'
  readonly has: string
  /** The JSON of the result set, or a module that fails. */
  readonly gives: string | 'trap'
}

/**
 * A WebAssembly module that speaks the interface of compiled Rego (ABI 1.2), without Rego: there is no compiler for it to be had. It
 * runs in the real loader, which writes the input into its memory and reads the result set from there.
 */
export function wasmPolicy(
  rules: readonly WasmRule[],
  entrypoints: readonly string[] = [...new Set(rules.map(({ entrypoint }) => entrypoint))],
): Uint8Array<ArrayBuffer> {
  const texts = new Texts()
  const builtins = texts.add('{}')
  const names = texts.add(JSON.stringify(Object.fromEntries(entrypoints.map((name, number) => [name, number]))))
  const nothing = texts.add('[]')
  const cases = rules.flatMap((rule) => {
    const needle = texts.add(rule.has)
    const result = rule.gives === 'trap' ? undefined : texts.add(rule.gives)
    // data: from its address to the input's; input: from its address, as long as it is.
    const where = rule.in === 'data' ? [local(2), local(3), local(2), 0x6b] : [local(3), local(4)]
    return [
      ...[local(1), i32(entrypoints.indexOf(rule.entrypoint)), 0x46].flat(),
      ...[where.flat(), i32(needle.at), i32(needle.length), call(8), 0x71].flat(2),
      ...[0x04, 0x40, ...(result === undefined ? [0x00] : [...i32(result.at), 0x0f]), 0x0b],
    ]
  })
  const i = 0x7f
  const types = [
    [[], [i]],
    [[i], [i]],
    [[i], []],
    [[i, i], [i]],
    [[i, i, i, i], [i]],
    [[i, i, i, i, i, i, i], [i]],
    [[i, i], [i]],
    [[i, i, i], [i]],
    [[i, i, i, i, i], [i]],
    [[i, i, i, i, i, i], [i]],
  ] as const
  const imported = [
    ['opa_abort', 2],
    ['opa_println', 2],
    ['opa_builtin0', 6],
    ['opa_builtin1', 7],
    ['opa_builtin2', 4],
    ['opa_builtin3', 8],
    ['opa_builtin4', 9],
  ] as const
  // Behind the seven imports.
  const functions: readonly (readonly [name: string, type: number, locals: number, code: readonly number[]])[] = [
    ['identity', 1, 0, local(0)],
    ['contains', 4, 2, contains],
    ['opa_malloc', 1, 1, [global(2), set(1), global(2), local(0), 0x6a, 0x24, 2, local(1)].flat()],
    ['opa_json_parse', 3, 0, local(0)],
    ['opa_heap_ptr_get', 0, 0, global(2)],
    ['opa_heap_ptr_set', 2, 0, [...local(0), 0x24, 2]],
    ['builtins', 0, 0, i32(builtins.at)],
    ['entrypoints', 0, 0, i32(names.at)],
    ['opa_eval', 5, 0, [...cases, ...i32(nothing.at)]],
  ]
  const exported = functions.map(([name], index) => [name === 'identity' ? 'opa_json_dump' : name, 0, index + 7] as const)
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      types.map(([from, to]) => [0x60, ...vector(from.map((one) => [one])), ...vector(to.map((one) => [one]))]),
    ),
    ...section(2, [
      [...text('env'), ...text('memory'), 0x02, 0x00, 0x01],
      ...imported.map(([name, type]) => [...text('env'), ...text(name), 0x00, type]),
    ]),
    ...section(
      3,
      functions.map(([, type]) => [type]),
    ),
    ...section(6, [1, 2].map((value) => [i, 0x00, ...i32(value), 0x0b]).concat([[i, 0x01, ...i32(heapStart), 0x0b]])),
    ...section(7, [
      ...exported.map(([name, kind, index]) => [...text(name), kind, index]),
      [...text('opa_wasm_abi_version'), 3, 0],
      [...text('opa_wasm_abi_minor_version'), 3, 1],
    ]),
    ...section(
      10,
      functions.map(([, , locals, code]) => sized([...vector(locals === 0 ? [] : [[locals, i]]), ...code, 0x0b])),
    ),
    ...section(11, [[0x00, ...i32(textStart), 0x0b, ...sized(texts.bytes)]]),
  ])
}

const textStart = 1_024
const heapStart = 131_072

/** Texts in the memory of the module, each with a zero behind it. */
class Texts {
  readonly bytes: number[] = []

  add(value: string): { readonly at: number; readonly length: number } {
    const encoded = new TextEncoder().encode(value)
    const at = textStart + this.bytes.length
    this.bytes.push(...encoded, 0)
    return { at, length: encoded.length }
  }
}

const local = (index: number): number[] => [0x20, index]
const set = (index: number): number[] => [0x21, index]
const global = (index: number): number[] => [0x23, index]
const call = (index: number): number[] => [0x10, index]
const i32 = (value: number): number[] => [0x41, ...signed(value)]

// (hay, hayLength, needle, needleLength; at 4, offset 5): whether the needle is in the hay.
const contains: readonly number[] = [
  ...[0x02, 0x40, 0x03, 0x40],
  // Not enough is left.
  ...[...local(4), ...local(3), 0x6a, ...local(1), 0x4b, 0x0d, 1],
  ...[...i32(0), ...set(5)],
  ...[0x02, 0x40, 0x03, 0x40],
  // All of it was there.
  ...[...local(5), ...local(3), 0x46, 0x04, 0x40, ...i32(1), 0x0f, 0x0b],
  ...[...local(0), ...local(4), 0x6a, ...local(5), 0x6a, 0x2d, 0, 0],
  ...[...local(2), ...local(5), 0x6a, 0x2d, 0, 0, 0x47, 0x0d, 1],
  ...[...local(5), ...i32(1), 0x6a, ...set(5), 0x0c, 0, 0x0b, 0x0b],
  ...[...local(4), ...i32(1), 0x6a, ...set(4), 0x0c, 0, 0x0b, 0x0b],
  ...i32(0),
]

function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const byte = rest & 0x7f
    rest >>>= 7
    if (rest === 0) return [...bytes, byte]
    bytes.push(byte | 0x80)
  }
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const byte = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) return [...bytes, byte]
    bytes.push(byte | 0x80)
  }
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes]
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()]
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)])
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  return [id, ...sized(vector(items))]
}
