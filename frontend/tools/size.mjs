// Fails when the built UI outgrows its budget. Sizes are gzip level 9, in kB of 1000 bytes.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const dist = new URL('../../mini_sentry/web/dist/', import.meta.url)
const read = file => readFileSync(new URL(file, dist))
const manifest = JSON.parse(read('.vite/manifest.json'))
const html = read('index.html').toString()
const limits = {
  'first load of the issue list, JS': 195,
  'largest route chunk, JS': 45,
  CSS: 16,
  'first font': 50,
}

const chunks = Object.values(manifest)
const kilobytes = file => gzipSync(read(file), { level: 9 }).length / 1000
const asked = ending =>
  [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)]
    .map(match => match[1])
    .filter(file => file.endsWith(ending))

/** The files of a chunk and of all it imports at once. */
function needed(chunk, files = new Set()) {
  if (!files.has(chunk.file)) {
    files.add(chunk.file)
    for (const key of chunk.imports ?? []) needed(manifest[key], files)
  }
  return files
}

const list = chunks.find(chunk => chunk.name === 'issues')
if (!list) throw new Error('The build has no chunk of the issue list.')
const first = new Set([...asked('.js'), ...needed(list)])
const routes = chunks.filter(chunk => chunk.file.endsWith('.js') && !asked('.js').includes(chunk.file))
const styles = new Set(
  chunks.flatMap(chunk => [...(chunk.css ?? []), chunk.file]).filter(file => file.endsWith('.css')),
)

const measured = {
  'first load of the issue list, JS': [...first].reduce((total, file) => total + kilobytes(file), 0),
  'largest route chunk, JS': Math.max(...routes.map(chunk => kilobytes(chunk.file))),
  CSS: [...styles].reduce((total, file) => total + kilobytes(file), 0),
  'first font': asked('.woff2').reduce((total, file) => total + read(file).length / 1000, 0),
}
let hasFailed = false
for (const [what, limit] of Object.entries(limits)) {
  const isOver = measured[what] > limit
  hasFailed ||= isOver
  console.log(`${isOver ? 'OVER' : '  ok'}  ${measured[what].toFixed(1).padStart(6)} of ${limit} kB  ${what}`)
}
process.exit(hasFailed ? 1 : 0)
