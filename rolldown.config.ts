// Builds `dist`: one file for all that `sallyport` itself loads, since a program that imports it pays for each file, and small
// ones for what its other entry points and lazily loaded parts add.
import { readdirSync } from 'node:fs'
import { defineConfig, type Plugin } from 'rolldown'

const source = new URL('src/', import.meta.url).pathname
const adapters = readdirSync(`${source}adapters`).filter((name) => readdirSync(`${source}adapters/${name}`).includes('index.ts'))
const entries = ['index', ...adapters.map((name) => `adapters/${name}/index`), 'attestation/index', 'file', 'testing/index', 'cli/main']

/** Tells which modules `sallyport` itself loads: whatever its entry imports, and what that imports, but for `import()`. */
function mainModules(): { readonly plugin: Plugin; has(id: string): boolean } {
  const imports = new Map<string, readonly string[]>()
  let modules: Set<string> | undefined
  const collect = (id: string, into: Set<string>): Set<string> => {
    if (into.has(id) || !imports.has(id)) return into
    into.add(id)
    for (const imported of imports.get(id) ?? []) collect(imported, into)
    return into
  }
  return {
    plugin: { name: 'main-modules', moduleParsed: ({ id, importedIds }) => void imports.set(id, importedIds) },
    has(id) {
      modules ??= collect(`${source}index.ts`, new Set())
      return modules.has(id)
    },
  }
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
const inert = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'Identifier', 'Literal', 'TemplateElement'])
const transparent = new Set(['ArrayExpression', 'ObjectExpression', 'Property', 'TemplateLiteral', 'UnaryExpression', 'BinaryExpression'])

// Whether a bundler sees for itself that the value can be left out where nobody uses it.
function isPlain(node: Node): boolean {
  if (inert.has(node.type)) return true
  return (
    transparent.has(node.type) &&
    Object.values(node)
      .flat()
      .every((part) => !isNode(part) || isPlain(part))
  )
}

/** Marks the values of a module's constants as free of effects, so that bundlers leave out what an application does not use. */
const pureConstants: Plugin = {
  name: 'pure-constants',
  renderChunk(code) {
    const { body } = this.parse(code)
    let marked = ''
    let at = 0
    for (const statement of body) {
      if (statement.type !== 'VariableDeclaration') continue
      for (const { id, init } of statement.declarations) {
        if (init === null || init === undefined || isPlain(init)) continue
        const value = code.slice(init.start, init.end)
        // A class has its name from the constant that it is given to.
        const named = init.type === 'ClassExpression' && init.id === null ? value.replace('class', `class ${code.slice(id.start, id.end)}`) : value
        marked += `${code.slice(at, init.start)}/* @__PURE__ */ (() => (${named}))()`
        at = init.end
      }
    }
    return { code: marked + code.slice(at), map: null }
  },
}

const main = mainModules()

// biome-ignore lint/style/noDefaultExport: what reads it wants one
export default defineConfig({
  input: Object.fromEntries(entries.map((name) => [name, `${source}${name}.ts`])),
  platform: 'neutral',
  // The compiler's own helpers are no dependency: what it needs of them is copied in.
  external: /^(?!@oxc-project\/)[^./\0]/,
  plugins: [main.plugin, pureConstants],
  checks: { ineffectiveDynamicImport: false },
  output: {
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'main', test: (id) => main.has(id) }] },
    sourcemap: true,
    sourcemapExcludeSources: true,
  },
})
