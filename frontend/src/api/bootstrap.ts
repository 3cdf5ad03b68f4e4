/** What the server puts into the page so that the first paint needs no call. */

export type Bootstrap = {
  user: { email: string } | null
  projects: { id: number; name: string; slug: string; platform: string }[]
  version: string
  publicUrl: string
  open: boolean
}

const none: Bootstrap = { user: null, projects: [], version: '', publicUrl: '', open: true }

export function readBootstrap(): Bootstrap {
  const text = document.getElementById('bootstrap')?.textContent
  if (!text) return none
  try {
    return { ...none, ...(JSON.parse(text) as Partial<Bootstrap>) }
  } catch {
    return none
  }
}
