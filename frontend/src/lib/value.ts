/** Values from events as text: one line for tables, pretty for reading, with what the value is. */

export type ValueKind = 'string' | 'number' | 'boolean' | 'nothing' | 'structure' | 'removed'

/** SDKs send local values as their language's own repr, so `None` and `undefined` arrive as strings. */
const nothing = new Set(['None', 'null', 'undefined', 'nil', 'NULL'])
const removed = /^\[?(filtered|redacted|removed)\]?$/i

export function kindOf(value: unknown): ValueKind {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'object') return 'structure'
  const text = String(value)
  if (nothing.has(text)) return 'nothing'
  if (removed.test(text)) return 'removed'
  if (/^-?\d+(\.\d+)?$/.test(text)) return 'number'
  if (text === 'True' || text === 'False' || text === 'true' || text === 'false') return 'boolean'
  return 'string'
}

/** Text of a value: strings as they are, all else as JSON. `indent` 0 keeps it on one line. */
export function textOf(value: unknown, indent = 0): string {
  if (typeof value === 'string') return removed.test(value) ? 'removed by privacy rules' : value
  if (value === undefined) return 'undefined'
  try {
    return JSON.stringify(value, null, indent) ?? String(value)
  } catch {
    return String(value)
  }
}

/** Rows of a map or list of pairs, in their own order. */
export function pairsOf(value: unknown): [string, unknown][] {
  if (!value) return []
  if (Array.isArray(value)) {
    return value
      .filter((pair): pair is [unknown, unknown] => Array.isArray(pair) && pair.length >= 1)
      .map(([key, each]) => [String(key), each])
  }
  return typeof value === 'object' ? Object.entries(value) : []
}
