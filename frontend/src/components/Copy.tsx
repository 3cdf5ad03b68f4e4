/** Copying: a button that says when it is done. */
import { Check, Copy as CopyIcon } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Button } from './Button'
import { classes } from './classes'
import { toast } from './Toasts'

/** Puts text on the clipboard; where the browser refuses (plain http on another host), selects it for a manual copy. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'sr-only'
    document.body.append(area)
    area.select()
    // Deprecated, yet the only way on an insecure origin, which a self-hosted server often is.
    const done = document.execCommand('copy')
    area.remove()
    if (!done) toast({ text: 'The browser does not allow copying here.', tone: 'error' })
    return done
  }
}

export function useCopy(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1600)
    return () => clearTimeout(timer)
  }, [copied])
  return [copied, text => void copyText(text).then(setCopied)]
}

export function CopyButton({
  text,
  label,
  small = true,
  hotkey,
}: {
  text: string | (() => string)
  label: ReactNode
  small?: boolean
  hotkey?: string
}) {
  const [copied, copy] = useCopy()
  return (
    <Button
      small={small}
      hotkey={hotkey}
      onClick={() => copy(typeof text === 'string' ? text : text())}
      icon={copied ? <Check size={13} aria-hidden /> : <CopyIcon size={13} aria-hidden />}
    >
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </Button>
  )
}

/** A sign without words that appears on a line which can be copied. */
export function CopySign({ text, label, className }: { text: string; label: string; className?: string }) {
  const [copied, copy] = useCopy()
  return (
    <button
      type="button"
      title={label}
      aria-label={copied ? 'Copied' : label}
      onClick={() => copy(text)}
      className={classes(
        'inline-grid size-6 shrink-0 place-items-center rounded-s text-ink3 hover:bg-sunk hover:text-ink',
        className,
      )}
    >
      {copied ? <Check size={13} aria-hidden /> : <CopyIcon size={13} aria-hidden />}
    </button>
  )
}
