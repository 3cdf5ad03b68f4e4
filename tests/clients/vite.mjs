// Builds a React application for production as its developers would: `vite.mjs <root> <outdir>`.
// Vite and React are the front end's own.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [, , root, outDir] = process.argv
const frontend = createRequire(new URL('../../frontend/package.json', import.meta.url))
const { build } = await import(pathToFileURL(frontend.resolve('vite')).href)

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  resolve: {
    alias: ['react', 'react-dom'].map((name) => ({
      find: new RegExp(`^${name}(?=/|$)`),
      replacement: frontend.resolve(`${name}/package.json`).replace(/\/package\.json$/, ''),
    })),
  },
  build: { outDir, sourcemap: true, emptyOutDir: true },
})
