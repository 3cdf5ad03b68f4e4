/** Search parameters as people write them: `?level=error&level=fatal`, one word a value, nothing encoded as JSON. */

/** Every value of every key: one as text, several as a list. */
export function parseSearch(search: string): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  const params = new URLSearchParams(search)
  for (const key of new Set(params.keys())) {
    const values = params.getAll(key)
    result[key] = values.length > 1 ? values : (values[0] ?? '')
  }
  return result
}

/** The other way; undefined, empty text and empty lists are left out. Gives '' or '?…'. */
export function formatSearch(values: Record<string, unknown>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== '') params.append(key, String(each))
    }
  }
  const text = params.toString().replace(/%3A/gi, ':').replace(/%2F/gi, '/').replace(/%2C/gi, ',')
  return text ? `?${text}` : ''
}
