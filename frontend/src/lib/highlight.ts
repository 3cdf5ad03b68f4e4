/** Source lines in colour: a grammar's tree flattened to runs of text per line, never a string of HTML. */
import type { createLowlight } from 'lowlight'

export type Run = { text: string; className?: string }

type Lowlight = ReturnType<typeof createLowlight>
type Node = { type: string; value?: string; children?: Node[]; properties?: { className?: unknown } }

const grammars: Record<string, () => Promise<{ default: Parameters<Lowlight['register']>[1] }>> = {
  python: () => import('highlight.js/lib/languages/python'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  go: () => import('highlight.js/lib/languages/go'),
  java: () => import('highlight.js/lib/languages/java'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  php: () => import('highlight.js/lib/languages/php'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  rust: () => import('highlight.js/lib/languages/rust'),
  swift: () => import('highlight.js/lib/languages/swift'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  sql: () => import('highlight.js/lib/languages/sql'),
  xml: () => import('highlight.js/lib/languages/xml'),
}

let engine: Promise<Lowlight> | undefined

/** Coloured runs for each of `lines`. Loads the grammar on first use; rejects when it cannot be loaded. */
export async function highlight(lines: string[], language: string): Promise<Run[][] | undefined> {
  const grammar = grammars[language]
  if (!grammar) return undefined
  engine ??= import('lowlight').then(module => module.createLowlight())
  const [lowlight, { default: definition }] = await Promise.all([engine, grammar()])
  if (!lowlight.registered(language)) lowlight.register(language, definition)
  return linesOf(lowlight.highlight(language, lines.join('\n')) as Node, lines.length)
}

/** Splits a tree of spans at line feeds; a span over several lines colours each of them. */
export function linesOf(tree: Node, count: number): Run[][] {
  const result: Run[][] = [[]]
  const walk = (node: Node, className?: string) => {
    if (node.type === 'text') {
      for (const [index, text] of (node.value ?? '').split('\n').entries()) {
        if (index > 0) result.push([])
        if (text) result.at(-1)?.push(className ? { text, className } : { text })
      }
      return
    }
    const own = node.properties?.className
    const inner = Array.isArray(own) ? own.filter(name => typeof name === 'string').join(' ') : className
    for (const child of node.children ?? []) walk(child, inner)
  }
  walk(tree)
  while (result.length < count) result.push([])
  return result
}
