// Writes src/api/schema.ts from ../docs/openapi.yaml. openapi-typescript needs TypeScript 5, so it lives in a
// folder with its own packages, installed on first use.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
if (!existsSync(`${here}node_modules`)) execFileSync('npm', ['ci'], { cwd: here, stdio: 'inherit' })
execFileSync(
  process.execPath,
  [
    `${here}node_modules/openapi-typescript/bin/cli.js`,
    '../docs/openapi.yaml',
    // A field with a default may be left out of a request.
    '--default-non-nullable=false',
    '-o',
    'src/api/schema.ts',
  ],
  { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: 'inherit' },
)
