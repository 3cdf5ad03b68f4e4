/** Answers to one's own actions, with a way back for eight seconds. */
import { X } from 'lucide-react'
import { useEffect, useSyncExternalStore } from 'react'
import { classes } from './classes'

export type Toast = { text: string; tone?: 'plain' | 'error'; action?: { label: string; run: () => void } }

type Shown = Toast & { id: number }

let shown: Shown[] = []
let lastId = 0
const watchers = new Set<() => void>()

function show(next: Shown[]) {
  shown = next
  for (const watcher of watchers) watcher()
}

/** Shows a toast; at most three stay in sight. */
export function toast(content: Toast): void {
  lastId += 1
  show([...shown, { ...content, id: lastId }].slice(-3))
}

export function dismissToasts(): void {
  show([])
}

function dismiss(id: number) {
  show(shown.filter(each => each.id !== id))
}

export function Toasts() {
  const toasts = useSyncExternalStore(
    watcher => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => shown,
  )
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-30 flex w-[22rem] max-w-[calc(100vw-2rem)] flex-col gap-2 phone:bottom-20"
    >
      {toasts.map(each => (
        <ToastCard key={each.id} toast={each} />
      ))}
    </div>
  )
}

function ToastCard({ toast: { id, text, tone, action } }: { toast: Shown }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), 8000)
    return () => clearTimeout(timer)
  }, [id])
  return (
    <div
      className={classes(
        'pointer-events-auto flex items-center gap-2 rounded-l border bg-raised py-2 pr-1.5 pl-3 shadow-floating',
        tone === 'error' ? 'border-error' : 'border-edge',
      )}
    >
      <span className={classes('min-w-0 flex-1', tone === 'error' && 'text-error')}>{text}</span>
      {action && (
        <button
          type="button"
          className="h-7 rounded-m px-2 font-semibold text-accent hover:bg-sunk phone:h-10"
          onClick={() => {
            dismiss(id)
            action.run()
          }}
        >
          {action.label}
        </button>
      )}
      <button
        type="button"
        aria-label="Dismiss"
        className="grid size-7 place-items-center rounded-m text-ink3 hover:bg-sunk phone:size-10"
        onClick={() => dismiss(id)}
      >
        <X size={14} aria-hidden />
      </button>
    </div>
  )
}
