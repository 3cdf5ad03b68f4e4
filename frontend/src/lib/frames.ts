/** What a stack trace shows: order, folding of library runs, which frame opens, and the platform's own text. */
import type { ExceptionEntry, Frame } from './event'

export type Order = 'newest' | 'oldest'

/** A row of a shown stack: one frame, or a run of library frames folded into one line. */
export type Row =
  | { kind: 'frame'; frame: Frame; index: number }
  | { kind: 'run'; frames: { frame: Frame; index: number }[] }

/** Which of its two faces a frame shows: as it was written, or as the bundle has it. */
export type Source = 'original' | 'minified'

/** Whether a map gave any frame another face. */
export function isMapped(chain: ExceptionEntry[]): boolean {
  return chain.some(exception => exception.frames?.some(frame => frame.raw))
}

/** The chain with the face asked for. A frame that is not mapped has only one. */
export function chainIn(source: Source, chain: ExceptionEntry[]): ExceptionEntry[] {
  if (source === 'original' || !isMapped(chain)) return chain
  return chain.map(exception => ({ ...exception, frames: exception.frames?.map(asSent) }))
}

function asSent(frame: Frame): Frame {
  if (!frame.raw) return frame
  const lines = frame.map ? { pre_context: null, context_line: null, post_context: null } : {}
  return { ...frame, ...frame.raw, ...lines, raw: null, map: null }
}

export function place(frame: Frame): string {
  return frame.filename || frame.module || frame.abs_path || '<unknown>'
}

/** `src/cart.ts:42:23`, without what is not known. */
export function location(frame: Frame): string {
  const line = frame.lineno ? `:${frame.lineno}` : ''
  const column = frame.lineno && frame.colno ? `:${frame.colno}` : ''
  return `${place(frame)}${line}${column}`
}

/** The frame to open first, as an index into `frames`: the last in-app one, else the last; −1 for none. */
export function openIndex(frames: Frame[]): number {
  const inApp = frames.findLastIndex(frame => frame.in_app)
  return inApp >= 0 ? inApp : frames.length - 1
}

/** Rows in the order shown. With `fold`, neighbouring library frames become a run, but for the frame that opens:
 * without any in-app frame the top one stays outside. A lone library frame is as short as a run of one, so it stays. */
export function rows(frames: Frame[], { order, fold }: { order: Order; fold: boolean }): Row[] {
  const keep = openIndex(frames)
  const indexed = frames.map((frame, index) => ({ frame, index }))
  if (order === 'newest') indexed.reverse()
  const result: Row[] = []
  for (const entry of indexed) {
    const folded = fold && !entry.frame.in_app && entry.index !== keep
    const last = result.at(-1)
    if (!folded) result.push({ kind: 'frame', ...entry })
    else if (last?.kind === 'run') last.frames.push(entry)
    else result.push({ kind: 'run', frames: [entry] })
  }
  return result.map(row =>
    row.kind === 'run' && row.frames.length === 1 && row.frames[0]
      ? { kind: 'frame', ...row.frames[0] }
      : row,
  )
}

/** The packages that a run of frames comes from, most frequent first: `django, asgiref`. */
export function packages(frames: Frame[], limit = 3): string {
  const seen = new Map<string, number>()
  for (const frame of frames) {
    const name = packageOf(frame)
    if (name) seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  const names = [...seen].sort((one, other) => other[1] - one[1]).map(([name]) => name)
  return names.length > limit ? `${names.slice(0, limit).join(', ')} …` : names.join(', ')
}

export function packageOf(frame: Frame): string {
  if (frame.package) return frame.package.split(/[\\/]/).at(-1) ?? frame.package
  const path = frame.abs_path || frame.filename || ''
  const npm = path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/)
  if (npm?.[1]) return npm[1]
  const python = path.match(/(?:site|dist)-packages\/([^/]+?)(?:\.py)?(?:\/|$)/)
  if (python?.[1]) return python[1]
  if (path.startsWith('node:')) return 'node'
  if (/^(https?|webpack|app):\/\//.test(path)) return path.split(/[?#]/)[0]?.split('/').at(-1) ?? ''
  if (frame.module)
    return frame.module
      .split(/[./]/)
      .slice(0, /^(com|org|net|io|java|javax)\./.test(frame.module) ? 3 : 1)
      .join('.')
  return (frame.filename ?? '').split('/')[0] ?? ''
}

/** How the exceptions of a chain are joined, in words, read from the later to the earlier one. */
export function relationWords(relation: ExceptionEntry['relation'], order: Order): string {
  if (relation === 'group') return 'one of the group'
  if (order === 'newest') {
    if (relation === 'context') return 'during the handling of'
    return 'caused by'
  }
  return relation === 'context' ? 'during its handling, another was raised' : 'was the cause of'
}

/** The stack as the platform itself would print it. */
export function rawStack(exceptions: ExceptionEntry[], platform: string): string {
  if (platform === 'python') return pythonStack(exceptions)
  return [...exceptions]
    .reverse()
    .map((exception, index) => {
      const head = `${index ? 'Caused by: ' : ''}${headline(exception)}`
      const lines = [...(exception.frames ?? [])].reverse().map(frame => atLine(frame, platform))
      return [head, ...lines].join('\n')
    })
    .join('\n')
}

export function headline(exception: ExceptionEntry): string {
  const type = exception.type || 'Error'
  return exception.value ? `${type}: ${exception.value}` : type
}

function atLine(frame: Frame, platform: string): string {
  if (platform === 'java') {
    const name = [frame.module, frame.function].filter(Boolean).join('.')
    return `\tat ${name || '<unknown>'}(${frame.filename ?? 'Unknown Source'}${frame.lineno ? `:${frame.lineno}` : ''})`
  }
  const where = location({ ...frame, filename: frame.abs_path || frame.filename })
  return frame.function ? `    at ${frame.function} (${where})` : `    at ${where}`
}

function pythonStack(exceptions: ExceptionEntry[]): string {
  const blocks = exceptions.map(exception => {
    const frames = (exception.frames ?? []).map(frame => {
      const line = `  File "${frame.abs_path || frame.filename || '<unknown>'}", line ${frame.lineno ?? '?'}, in ${frame.function || '<module>'}`
      return frame.context_line ? `${line}\n    ${frame.context_line.trim()}` : line
    })
    return [
      ...(frames.length ? ['Traceback (most recent call last):'] : []),
      ...frames,
      headline(exception),
    ].join('\n')
  })
  return blocks.reduce((text, block, index) => {
    const joint =
      exceptions[index - 1]?.relation === 'context'
        ? 'During handling of the above exception, another exception occurred:'
        : 'The above exception was the direct cause of the following exception:'
    return `${text}\n\n${joint}\n\n${block}`
  })
}
