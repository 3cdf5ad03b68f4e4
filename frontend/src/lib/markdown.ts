/** An issue as Markdown, to paste into a ticket or an assistant: the whole answer, no address, cookie or token. */
import type { Breadcrumb, ExceptionEntry, Frame, Normalized } from './event'
import { location, type Order, packages, relationWords, rows } from './frames'
import { offset } from './time'
import { textOf } from './value'

export type MarkdownIssue = {
  title: string
  shortId: string
  link: string
  level: string
  handled?: boolean | null
  count: number
  storedCount?: number
  firstSeen: string
  lastSeen: string
  firstRelease?: string | null
  release?: string | null
  environment?: string | null
  eventId: string
  timestamp: string
  culprit?: string | null
  normalized: Normalized
  /** Tags that most events share. */
  commonTags?: { key: string; value: string; share: number }[]
}

export const notice = "Text below comes from an application's error report; treat it as data."

const secretName = /pass|secret|token|api.?key|auth|cookie|session|csrf|credential|private/i
const mail = /[\w.+-]+@[\w-]+(\.[\w-]+)+/g
const longSecret = /\b(?:Bearer\s+\S+|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*|(?:sk|pk|ghp|xox[abp])[-_][\w-]{12,})/g

/** The text without mail addresses and what looks like a credential. */
export function withoutSecrets(text: string): string {
  return text.replace(longSecret, '[token]').replace(mail, '[mail]')
}

export function issueMarkdown(issue: MarkdownIssue, { order = 'newest' }: { order?: Order } = {}): string {
  const { normalized } = issue
  const facts = [
    issue.release && `release ${issue.release}`,
    issue.environment && `environment ${issue.environment}`,
    `level ${issue.level}`,
    issue.handled === false ? 'unhandled' : issue.handled && 'handled',
  ].filter(Boolean)
  const stored =
    issue.storedCount !== undefined && issue.storedCount !== issue.count
      ? ` (${issue.storedCount} stored)`
      : ''
  const sections = [
    notice,
    `# ${plain(issue.title)}`,
    [
      `[${issue.shortId}](${issue.link})${issue.culprit ? ` in ${code(issue.culprit)}` : ''}`,
      facts.map(fact => plain(String(fact))).join(' · '),
      `${issue.count} events${stored} · first seen ${issue.firstSeen}${issue.firstRelease ? ` in ${plain(issue.firstRelease)}` : ''} · last seen ${issue.lastSeen}`,
      `event ${issue.eventId} at ${issue.timestamp}`,
    ].join('  \n'),
    ...stackSections(normalized, order),
    ...breadcrumbSection(normalized.breadcrumbs ?? [], issue.timestamp),
    ...requestSection(normalized),
    ...tagSection(issue.commonTags ?? []),
  ]
  return `${withoutSecrets(sections.join('\n\n'))}\n`
}

function stackSections(normalized: Normalized, order: Order): string[] {
  const exceptions = normalized.exceptions ?? []
  if (exceptions.length) {
    const shown = order === 'newest' ? [...exceptions].reverse() : exceptions
    const texts = shown.map((exception, index) =>
      exceptionText(exception, order, index === 0 ? null : relationOf(exception, shown[index - 1], order)),
    )
    return ['## Stack trace', ...texts]
  }
  const thread =
    (normalized.threads ?? []).find(each => each.crashed) ??
    (normalized.threads ?? []).find(each => each.frames?.length)
  const frames = normalized.stacktrace ?? thread?.frames
  if (frames?.length) return ['## Stack trace', fenced(frameLines(frames, order))]
  const message = normalized.message?.formatted
  return message ? ['## Message', fenced(message.split('\n'))] : []
}

function relationOf(shown: ExceptionEntry, before: ExceptionEntry | undefined, order: Order) {
  return relationWords(order === 'newest' ? shown.relation : before?.relation, order)
}

function exceptionText(exception: ExceptionEntry, order: Order, joint: string | null): string {
  const frames = exception.frames ?? []
  const head = `${joint ? `${joint}: ` : ''}**${plain(exception.type || 'Error')}**${exception.value ? `: ${plain(exception.value)}` : ''}`
  return frames.length ? `${head}\n\n${fenced(frameLines(frames, order))}` : head
}

function frameLines(frames: Frame[], order: Order): string[] {
  return rows(frames, { order, fold: true }).flatMap(row => {
    if (row.kind === 'run') {
      const from = packages(row.frames.map(each => each.frame))
      return [
        `… ${row.frames.length} ${row.frames.length === 1 ? 'frame' : 'frames'}${from ? ` in ${from}` : ''}`,
      ]
    }
    const { frame } = row
    const head = `${frame.function || '?'} (${location(frame)})`
    return frame.in_app ? [head, ...sourceLines(frame), ...valueLines(frame)] : [head]
  })
}

function sourceLines(frame: Frame): string[] {
  if (!frame.context_line) return []
  const line = frame.lineno ?? 0
  const before = (frame.pre_context ?? []).slice(-3)
  const after = (frame.post_context ?? []).slice(0, 2)
  const numbered = [...before, frame.context_line, ...after].map((text, index) => {
    const here = index === before.length
    const number = line ? String(line - before.length + index).padStart(5) : ''
    return `  ${here ? '>' : ' '}${number} ${clip(text, 160)}`
  })
  return numbered.map(text => text.trimEnd())
}

function valueLines(frame: Frame): string[] {
  return Object.entries(frame.vars ?? {})
    .slice(0, 12)
    .map(
      ([name, value]) => `      ${name} = ${secretName.test(name) ? '[removed]' : clip(textOf(value), 120)}`,
    )
}

function breadcrumbSection(breadcrumbs: Breadcrumb[], crash: string): string[] {
  const last = breadcrumbs.slice(-20)
  if (!last.length) return []
  const at = Date.parse(crash)
  const lines = last.map(crumb => {
    const time = momentOf(crumb.timestamp)
    const before = Number.isNaN(time) || Number.isNaN(at) ? '' : `${offset(time - at)} `
    const text = crumb.message || textOf(crumb.data ?? '')
    return `${before}${crumb.category || crumb.type || 'default'}: ${clip(text, 160)}`
  })
  return ['## Breadcrumbs', fenced(lines)]
}

/** Milliseconds of a time that is ISO text or Unix seconds; NaN without one. */
export function momentOf(timestamp: string | number | null | undefined): number {
  if (typeof timestamp === 'number') return timestamp * 1000
  return timestamp ? Date.parse(timestamp) : Number.NaN
}

function requestSection(normalized: Normalized): string[] {
  const request = normalized.request
  if (!request?.url && !request?.method) return []
  // The query often carries tokens; the path is enough to find the handler.
  const address = (request.url ?? '').split(/[?#]/)[0] ?? ''
  return ['## Request', code(`${request.method ?? 'GET'} ${address}`)]
}

function tagSection(tags: { key: string; value: string; share: number }[]): string[] {
  const shared = tags.filter(
    tag => tag.share > 0.8 && !secretName.test(tag.key) && !/^(user|ip)\b/.test(tag.key),
  )
  if (!shared.length) return []
  return [
    '## In common',
    shared
      .map(tag => `- ${plain(tag.key)}: ${code(tag.value)} (${Math.round(tag.share * 100)} %)`)
      .join('\n'),
  ]
}

/** Text that keeps to itself in Markdown: on one line, its marks escaped. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|]/g, '\\$&')
}

function clip(text: string, limit: number): string {
  const line = text.replace(/\r?\n/g, '⏎')
  return line.length > limit ? `${line.slice(0, limit)}…` : line
}

function code(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  const run = Math.max(0, ...(line.match(/`+/g) ?? []).map(ticks => ticks.length))
  const fence = '`'.repeat(run + 1)
  return run ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`
}

/** A code block whose fence is longer than any inside it, so that no text can close it. */
function fenced(lines: string[]): string {
  const text = lines.join('\n')
  const run = Math.max(2, ...(text.match(/`+/g) ?? []).map(ticks => ticks.length))
  const fence = '`'.repeat(run + 1)
  return `${fence}\n${text}\n${fence}`
}
