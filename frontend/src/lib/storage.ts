/** Small preferences kept in the browser. Where storage is forbidden they last as long as the page. */

const fallback = new Map<string, string>()

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return fallback.get(key) ?? null
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    fallback.set(key, value)
  }
}
