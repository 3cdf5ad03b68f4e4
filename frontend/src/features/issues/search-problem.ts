/** A search that the server cannot read: its sentence, where the offending word stands, what was probably meant. */
import { ApiError } from '@/api/client'

/** `from` and `to` count UTF-16 units of the search text; `instead` is the whole text with the word mended. */
export type SearchProblem = { sentence: string; from: number; to: number; instead: string | undefined }

// As the server's `groups/search.py` says it: the word quoted as in Python, its place, the reason, perhaps a guess.
const said =
  /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)") at character (\d+): (.*?)(?: Did you mean (\S+)\?)?$/s
const wrongValue = /^'([^']*)' is not one of /

/** Undefined when the request failed for another reason than its search. */
export function searchProblem(error: unknown, text: string): SearchProblem | undefined {
  if (!(error instanceof ApiError) || error.status !== 400) return undefined
  const sentence = error.fields.q?.[0]
  if (!sentence) return undefined
  const match = said.exec(sentence)
  if (!match) return { sentence, from: 0, to: text.length, instead: undefined }
  const [, single, double, position, reason = '', guess] = match
  const word = (single ?? double ?? '').replace(/\\(.)/g, '$1')
  // The server counts characters, a browser's string counts the halves of some.
  const from = [...text].slice(0, Number(position) - 1).join('').length
  const isThere = word !== '' && text.startsWith(word, from)
  const rest = text.slice(from).search(/\s/)
  const to = isThere ? from + word.length : rest > 0 ? from + rest : text.length
  return {
    sentence,
    from,
    to,
    instead: isThere && guess ? mended(text, { from, word, reason, guess }) : undefined,
  }
}

function mended(
  text: string,
  { from, word, reason, guess }: { from: number; word: string; reason: string; guess: string },
): string | undefined {
  const wrong = guess.endsWith(':') ? /^[^:]*:/.exec(word)?.[0] : wrongValue.exec(reason)?.[1]
  const at = wrong ? word.toLowerCase().lastIndexOf(wrong.toLowerCase()) : -1
  if (!wrong || at < 0) return undefined
  const start = from + at
  return text.slice(0, start) + guess + text.slice(start + wrong.length)
}

/** Whether somebody is still in the middle of a word, so that asking would only bring a complaint. */
export function isUnfinished(text: string): boolean {
  return /(?:[:!(,]|(?:^|[\s)])OR)$/.test(text) || (text.match(/"/g) ?? []).length % 2 === 1
}
