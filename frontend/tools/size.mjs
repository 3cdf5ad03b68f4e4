// Fails when the built UI outgrows its budget. Sizes are gzip level 9, in kB of 1000 bytes.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const dist = new URL('../../mini_sentry/web/dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))
const firstPage = 'src/app/IssuesRoute.tsx'
const limits = {
  'first load of the issue list, JS': 195,
  'largest route chunk, JS': 45,
  CSS: 16,
  'first font': 50,
}

const kilobytes = file => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1000
const html = readFileSync(new URL('index.html', dist), 'utf8')

/** Every chunk that loading `key` loads: itself and its static imports. */
function needed(key, seen = new Set()) {
  if (!seen.has(key)) {
    seen.add(key)
    for (const next of manifest[key]?.imports ?? []) needed(next, seen)
  }
  return seen
}

const sum = files => [...files].reduce((total, file) => total + kilobytes(file), 0)
const first = new Set([...needed('index.html'), ...needed(firstPage)])
const firstFiles = new Set([...first].map(key => manifest[key].file).filter(file => file.endsWith('.js')))
for (const [, file] of html.matchAll(/src="\.\/([^"]+\.js)"/g)) firstFiles.add(file)
const routes = Object.values(manifest).filter(chunk => chunk.isDynamicEntry && chunk.file.endsWith('.js'))
const styles = new Set(
  Object.values(manifest)
    .flatMap(chunk => [...(chunk.css ?? []), chunk.file])
    .filter(file => file.endsWith('.css')),
)
const fonts = [...html.matchAll(/href="\.\/([^"]+\.woff2)"/g)].map(match => match[1])

const measured = {
  'first load of the issue list, JS': sum(firstFiles),
  'largest route chunk, JS': Math.max(...routes.map(chunk => kilobytes(chunk.file))),
  CSS: sum(styles),
  'first font': Math.max(0, ...fonts.map(file => readFileSync(new URL(file, dist)).length / 1000)),
}
let failed = false
for (const [what, limit] of Object.entries(limits)) {
  const over = measured[what] > limit
  failed ||= over
  console.log(`${over ? 'OVER' : '  ok'}  ${measured[what].toFixed(1).padStart(6)} of ${limit} kB  ${what}`)
}
process.exit(failed ? 1 : 0)
