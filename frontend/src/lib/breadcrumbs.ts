/** What kind a breadcrumb is and how it reads in one line. */
import type { Breadcrumb } from './event'
import { textOf } from './value'

export type CrumbKind = 'network' | 'clicks' | 'navigation' | 'console' | 'query' | 'other'

export const kindWords: Record<CrumbKind, string> = {
  network: 'Network',
  clicks: 'Clicks',
  navigation: 'Navigation',
  console: 'Console',
  query: 'Queries',
  other: 'Other',
}

export function kindOf(crumb: Breadcrumb): CrumbKind {
  const category = crumb.category ?? ''
  const type = crumb.type ?? ''
  if (type === 'http' || /^(fetch|xhr|http|httplib|requests|urllib3)/.test(category)) return 'network'
  if (type === 'navigation' || category === 'navigation') return 'navigation'
  if (type === 'user' || /^ui\./.test(category) || type === 'ui') return 'clicks'
  if (type === 'query' || /^(query|sql|db)/.test(category)) return 'query'
  if (/^(console|log)/.test(category) || type === 'log' || type === 'debug') return 'console'
  return 'other'
}

/** Kinds that occur, with how often, in a fixed order. */
export function filledKinds(crumbs: Breadcrumb[]): { kind: CrumbKind; amount: number }[] {
  return (Object.keys(kindWords) as CrumbKind[])
    .map(kind => ({ kind, amount: crumbs.filter(crumb => kindOf(crumb) === kind).length }))
    .filter(each => each.amount > 0)
}

/** One line of text, and for requests the result: `404 · 61 ms`. */
export function summaryOf(crumb: Breadcrumb): { text: string; result: string; isBad: boolean } {
  const data = crumb.data ?? {}
  const kind = kindOf(crumb)
  const status = Number(data.status_code ?? Number.NaN)
  const time = Number(data.duration_ms ?? data.duration ?? Number.NaN)
  const result = [
    Number.isNaN(status) ? '' : String(status),
    Number.isNaN(time) ? '' : `${Math.round(time)} ms`,
  ]
    .filter(Boolean)
    .join(' · ')
  const isBad = status >= 400
  let text = crumb.message ?? ''
  if (kind === 'network' && typeof data.url === 'string') {
    text = `${typeof data.method === 'string' ? `${data.method} ` : ''}${data.url}`
  } else if (kind === 'navigation' && typeof data.to === 'string') {
    text = `${typeof data.from === 'string' ? `${data.from} → ` : ''}${data.to}`
  } else if (!text) {
    text = Object.keys(data).length > 0 ? textOf(data) : (crumb.category ?? '')
  }
  return { text: text.replace(/\s+/g, ' '), result, isBad }
}
