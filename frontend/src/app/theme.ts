/** Light, dark, or as the system has it; remembered in the browser. `first-paint.js` sets the class before this loads. */
import { useEffect, useState } from 'react'
import { recall, remember } from '@/lib/storage'

export type Theme = 'system' | 'light' | 'dark'

const dark = window.matchMedia('(prefers-color-scheme: dark)')

function apply(theme: Theme) {
  document.documentElement.classList.toggle('dark', theme === 'dark' || (theme === 'system' && dark.matches))
}

function readTheme(): Theme {
  const known = recall('theme')
  return known === 'light' || known === 'dark' ? known : 'system'
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(readTheme)
  useEffect(() => {
    apply(theme)
    const onChange = () => apply(theme)
    dark.addEventListener('change', onChange)
    return () => dark.removeEventListener('change', onChange)
  }, [theme])
  return [
    theme,
    next => {
      remember('theme', next)
      setTheme(next)
    },
  ]
}
