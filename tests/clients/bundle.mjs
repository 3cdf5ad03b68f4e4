// Bundles a page's script as an application's would be: `bundle.mjs <entry> <outfile>`.
import { build } from 'esbuild'

const [, , entry, outfile] = process.argv
await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', logLevel: 'warning' })
