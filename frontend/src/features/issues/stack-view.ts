/** How a stack is shown: what the address says, else what this browser chose last, else the usual. */
import type { Order, Source } from '@/lib/frames'
import { recall } from '@/lib/storage'
import type { IssueSearch } from './filters'

export type StackView = { frames: 'app' | 'all'; order: Order; source: Source }

export function stackView(search: IssueSearch, platform: string): StackView {
  return {
    frames: search.frames ?? (recall('stack.frames') === 'all' ? 'all' : 'app'),
    order: search.order ?? (recall(`stack.order.${platform}`) === 'oldest' ? 'oldest' : 'newest'),
    source: search.src ?? (recall('stack.source') === 'minified' ? 'minified' : 'original'),
  }
}
