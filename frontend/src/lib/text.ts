/** Text from events, made safe to look at: what is invisible or reorders its surroundings gets a mark. */

/** A run of plain text, or one character that must be shown as its mark. */
export type Piece = { text: string; mark?: string }

// C0 and C1 controls but tab and line feed; bidi embeddings, overrides and isolates; zero-width characters;
// lone surrogates.
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const names: Record<number, string> = {
  0: 'NUL',
  7: 'BEL',
  8: 'BS',
  13: 'CR',
  27: 'ESC',
  127: 'DEL',
  8203: 'ZWSP',
  8206: 'LRM',
  8207: 'RLM',
  8234: 'LRE',
  8235: 'RLE',
  8236: 'PDF',
  8237: 'LRO',
  8238: 'RLO',
  8294: 'LRI',
  8295: 'RLI',
  8296: 'FSI',
  8297: 'PDI',
  65279: 'BOM',
}

/** Splits at hidden characters. Text without any (nearly all) comes back as one piece. */
export function pieces(text: string): Piece[] {
  if (text.search(hidden) < 0) return [{ text }]
  const result: Piece[] = []
  let from = 0
  for (const match of text.matchAll(hidden)) {
    const code = match[0].charCodeAt(0)
    // Zero-width joiners hold emoji and Indic words together; between such letters they are not hidden text.
    if (
      (code === 0x200c || code === 0x200d) &&
      /\p{L}|\p{Emoji_Presentation}|\ufe0f/u.test(text.slice(match.index + 1, match.index + 3))
    )
      continue
    if (match.index > from) result.push({ text: text.slice(from, match.index) })
    const mark = names[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    result.push({ text: match[0], mark })
    from = match.index + 1
  }
  if (from < text.length) result.push({ text: text.slice(from) })
  return result
}

/** The address when it is a plain web address that a person may follow, else undefined. */
export function webAddress(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}

/** Cuts after `limit` characters without halving one, and says so with an ellipsis. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const end = /[\ud800-\udbff]$/.test(text.slice(0, limit)) ? limit - 1 : limit
  return `${text.slice(0, end)}…`
}

/** A slug for a name: lower-case words joined by hyphens, at most 50 characters; may be empty. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '')
}

/** Up to two initials for a small round sign: `Mara K.` → `MK`, `jt@x.test` → `JT`. */
export function initials(person: string): string {
  const words =
    person
      .split('@')[0]
      ?.split(/[\s._-]+/)
      .filter(Boolean) ?? []
  const letters =
    words.length > 1 ? words.slice(0, 2).map(word => [...word][0]) : [...(words[0] ?? '?')].slice(0, 2)
  return letters.join('').toUpperCase()
}
