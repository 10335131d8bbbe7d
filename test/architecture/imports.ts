import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'

/** One import statement. */
export interface Import {
  /** Path below `src`. */
  readonly from: string
  /** Path below `src` for a file of ours, else the package's name or the `node:` module. */
  readonly to: string
  readonly typeOnly: boolean
}

/** All imports of the files below a folder. */
export function importsBelow(root: string): { readonly files: readonly string[]; readonly imports: readonly Import[] } {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
  return { files, imports: files.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8'))) }
}

/** The imports, re-exports and dynamic imports of one file. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    // What is not a plain text cannot be followed, so nothing may be imported that way.
    const name = specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : '(computed)'
    found.push({ from: file, to: name.startsWith('.') ? normalize(join(dirname(file), name)) : packageOf(name), typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const named = node.importClause?.namedBindings
      const allTypes = named !== undefined && ts.isNamedImports(named) && named.elements.length > 0 && named.elements.every((each) => each.isTypeOnly)
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || (allTypes && node.importClause?.name === undefined))
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal as ts.Expression, true)
    else if (ts.isCallExpression(node)) {
      const { expression } = node
      if (expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false)
      if (ts.isIdentifier(expression) && expression.text === 'require') add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true))
  return found
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  const parts = specifier.split('/')
  // Which entry of zod is imported matters: the full one is three times as large.
  if (parts[0] === 'zod') return specifier
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}
