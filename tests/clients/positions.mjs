// Where positions of a script came from, by the library that browsers' tools use: `positions.mjs <map> <positions>`.
// `positions` are [line, column] from 0, and so are the answers: [source, line, column, name], or null.
import { readFileSync } from 'node:fs'
import { FlattenMap, originalPositionFor } from '@jridgewell/trace-mapping'

const [, , map, positions] = process.argv
const traced = new FlattenMap(JSON.parse(readFileSync(map, 'utf8')))
const answers = JSON.parse(readFileSync(positions, 'utf8')).map(([line, column]) => {
  const found = originalPositionFor(traced, { line: line + 1, column })
  return found.source === null ? null : [found.source, found.line - 1, found.column, found.name ?? '']
})
process.stdout.write(JSON.stringify(answers))
