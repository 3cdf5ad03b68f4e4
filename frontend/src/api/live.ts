/** The one live stream of a tab: batches of a project as they land, told to whoever listens.
 *
 * Open while somebody listens and the tab is in sight; closed in a hidden tab, and resumed where it was. Whoever was away
 * for longer than the server keeps is told to fetch again once. */
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { serverUrl } from './base'
import type { LiveBatch } from './types'

export type LiveState = 'off' | 'connecting' | 'live' | 'reconnecting'

type Listener = { onBatch?: (batch: LiveBatch) => void; onMissed?: () => void }

class LiveStream {
  readonly slug: string
  readonly listeners = new Set<Listener>()
  readonly watchers = new Set<() => void>()
  state: LiveState = 'off'
  private source: EventSource | undefined
  private retry: ReturnType<typeof setTimeout> | undefined
  private lastId = ''
  private hasFailed = false

  constructor(slug: string) {
    this.slug = slug
  }

  readonly follow = () => {
    if (this.listeners.size === 0 || document.visibilityState === 'hidden') this.close()
    else this.open()
  }

  private open() {
    if (this.source || typeof EventSource === 'undefined') return
    clearTimeout(this.retry)
    this.tell(this.hasFailed ? 'reconnecting' : 'connecting')
    // A stream of our own making resumes by the query, one that the browser reconnects by its header.
    const resume = this.lastId ? `&last_id=${encodeURIComponent(this.lastId)}` : ''
    const source = new EventSource(serverUrl(`api/live/?project=${encodeURIComponent(this.slug)}${resume}`))
    this.source = source
    source.addEventListener('open', () => {
      this.tell('live')
      if (this.hasFailed && !this.lastId) this.missed()
      this.hasFailed = false
    })
    source.addEventListener('hello', message => this.remember(message))
    source.addEventListener('batch', message => {
      this.remember(message)
      const batch = JSON.parse((message as MessageEvent<string>).data) as LiveBatch
      for (const listener of this.listeners) listener.onBatch?.(batch)
    })
    source.addEventListener('reset', message => {
      this.remember(message)
      this.missed()
    })
    source.addEventListener('error', () => {
      this.hasFailed = true
      this.tell('reconnecting')
      // A stream that was refused is closed for good; one that was cut reconnects by itself and resumes.
      if (source.readyState === EventSource.CLOSED) {
        this.source = undefined
        clearTimeout(this.retry)
        this.retry = setTimeout(this.follow, 5000)
      }
    })
  }

  private remember(message: Event) {
    this.lastId = (message as MessageEvent<string>).lastEventId || this.lastId
  }

  private missed() {
    for (const listener of this.listeners) listener.onMissed?.()
  }

  private close() {
    clearTimeout(this.retry)
    this.source?.close()
    this.source = undefined
    this.tell('off')
  }

  private tell(state: LiveState) {
    this.state = state
    for (const watcher of this.watchers) watcher()
  }
}

const streams = new Map<string, LiveStream>()

function streamOf(slug: string): LiveStream {
  let stream = streams.get(slug)
  if (!stream) {
    stream = new LiveStream(slug)
    streams.set(slug, stream)
    document.addEventListener('visibilitychange', stream.follow)
  }
  return stream
}

/** Listens to a project's batches while mounted and `enabled`. `onMissed` is called when data may have been missed. */
export function useLive(
  slug: string,
  listener: Listener,
  { enabled = true }: { enabled?: boolean } = {},
): LiveState {
  const latest = useRef(listener)
  useEffect(() => {
    latest.current = listener
  })
  useEffect(() => {
    if (!enabled) return
    const stream = streamOf(slug)
    const own: Listener = {
      onBatch: batch => latest.current.onBatch?.(batch),
      onMissed: () => latest.current.onMissed?.(),
    }
    stream.listeners.add(own)
    stream.follow()
    return () => {
      stream.listeners.delete(own)
      // The next page may listen at once: do not cut the stream between the two.
      setTimeout(stream.follow, 200)
    }
  }, [slug, enabled])
  return useSyncExternalStore(
    watcher => {
      const stream = streamOf(slug)
      stream.watchers.add(watcher)
      return () => stream.watchers.delete(watcher)
    },
    () => (enabled ? streamOf(slug).state : 'off'),
  )
}
