/** What a page says when it has nothing to show: still loading, nothing there, or failed. */
import type { ReactNode } from 'react'
import { Button } from './Button'
import { classes } from './classes'

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classes('skeleton', className)} />
}

export function Notice({
  isPage = false,
  title,
  children,
  actions,
}: {
  title: string
  children?: ReactNode
  actions?: ReactNode
  /** It is all that the page shows, so its title is the page's. */
  isPage?: boolean
}) {
  return (
    <div className="mx-auto flex max-w-[34rem] flex-col items-center gap-2 px-6 py-14 text-center">
      {isPage ? (
        <h1 className="font-semibold text-h2">{title}</h1>
      ) : (
        <p className="font-semibold text-h2">{title}</p>
      )}
      {children && <div className="text-ink2">{children}</div>}
      {actions && <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

/** What `ApiError` knows; of other errors nothing is known, so another try is offered. */
type Failure = Error & { status?: number; requestId?: string; isPassing?: boolean }

/** Says what failed in words, offers another try, names the request for whoever has to look. */
export function Failed({ what, error, retry }: { what: string; error: Failure; retry?: () => void }) {
  const away = error.status === 0
  return (
    <div
      role="alert"
      className="mx-auto flex max-w-[34rem] flex-col items-center gap-2 px-6 py-14 text-center"
    >
      <p className="font-semibold text-h2">{what} could not be loaded.</p>
      <p className="text-ink2">
        {away ? 'The server cannot be reached. Is it running?' : error.message}
        {error.status ? ` (${error.status})` : ''}
      </p>
      {error.requestId && <p className="font-mono text-ink3 text-xs">request {error.requestId}</p>}
      {retry && error.isPassing !== false && <Button onClick={retry}>Try again</Button>}
    </div>
  )
}

/** The same in one line, for a part of a page whose other parts stay. */
export function FailedLine({ what, error, retry }: { what: string; error: Failure; retry?: () => void }) {
  return (
    <p role="alert" className="flex flex-wrap items-center gap-2 px-3 py-3 text-ink2 text-s">
      <span>
        {what} could not be loaded: {error.message}
      </span>
      {retry && error.isPassing !== false && (
        <Button small onClick={retry}>
          Try again
        </Button>
      )}
    </p>
  )
}
