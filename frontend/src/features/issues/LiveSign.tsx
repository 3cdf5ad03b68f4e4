/** Whether what is on screen follows the server. */
import type { LiveState } from '@/api/live'
import { classes } from '@/components/classes'

const words: Record<LiveState, string> = {
  live: 'Live',
  connecting: 'Connecting',
  reconnecting: 'Reconnecting',
  off: 'Paused',
}

export function LiveSign({ state }: { state: LiveState }) {
  return (
    <span className="inline-flex items-center gap-1.5 text-ink2 text-s" role="status">
      <span
        aria-hidden
        className={classes(
          'live-dot',
          state === 'connecting' && 'is-waiting',
          state === 'reconnecting' && 'is-broken',
          state === 'off' && 'is-off',
        )}
      />
      <span className={classes(state === 'live' && 'phone:sr-only')}>{words[state]}</span>
    </span>
  )
}
