/** How the UI is built and served while developing: relative assets, no inline script, the product's policy. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { policy } from './tools/policy.ts'

const api = process.env.MINI_SENTRY_API ?? 'http://127.0.0.1:8000'
const firstPaint = fileURLToPath(new URL('src/app/first-paint.js', import.meta.url))

/** Puts the theme script into its own hashed file, loaded first, and in development turns the one inline
 * script that React's fast refresh adds into a file too, so that the policy holds there as well. */
function scriptsAsFiles(): Plugin {
  let refresh = ''
  let fileName = ''
  return {
    name: 'scripts-as-files',
    buildStart() {
      if (this.meta.watchMode || this.environment.mode === 'dev') return
      this.emitFile({ type: 'asset', name: 'first-paint.js', source: readFileSync(firstPaint, 'utf8') })
    },
    generateBundle(_options, bundle) {
      fileName = Object.keys(bundle).find(name => name.includes('first-paint')) ?? ''
    },
    transformIndexHtml: {
      order: 'post',
      handler(html, context) {
        if (context.bundle) {
          fileName ||= Object.keys(context.bundle).find(name => name.includes('first-paint')) ?? ''
          return html.replace('<meta charset="utf-8">', `$&\n    <script src="./${fileName}"></script>`)
        }
        return html
          .replace(/<script type="module">([\s\S]*?)<\/script>/, (_, code: string) => {
            refresh = code
            return '<script type="module" src="/@react-refresh-start.js"></script>'
          })
          .replace(
            '<head>',
            '<head>\n    <base href="/">\n    <script src="/src/app/first-paint.js?raw-file"></script>',
          )
      },
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith('/@react-refresh-start.js')) {
          response.setHeader('Content-Type', 'text/javascript')
          response.end(refresh)
        } else if (request.url?.startsWith('/src/app/first-paint.js?raw-file')) {
          response.setHeader('Content-Type', 'text/javascript')
          response.end(readFileSync(firstPaint))
        } else next()
      })
    },
  }
}

type Modules = { getModuleInfo(id: string): { importedIds: readonly string[] } | null }

/** What every page needs and what the issue list needs beside it, a file each; without this the bundler makes a file of
 * every set of modules that some pages share, and a first visit costs two dozen requests. */
function firstVisit() {
  const reached = new Map<string, Set<string>>()
  const from = (entry: string, modules: Modules) => {
    let found = reached.get(entry)
    if (!found) {
      found = new Set([fileURLToPath(new URL(entry, import.meta.url))])
      for (const id of found) for (const next of modules.getModuleInfo(id)?.importedIds ?? []) found.add(next)
      reached.set(entry, found)
    }
    return found
  }
  return (id: string, modules: Modules) => {
    if (from('src/main.tsx', modules).has(id)) return 'base'
    return from('src/app/IssuesRoute.tsx', modules).has(id) ? 'issues' : null
  }
}

const headers = { 'Content-Security-Policy': policy }

export default defineConfig({
  base: './',
  appType: 'spa',
  plugins: [react(), tailwindcss(), scriptsAsFiles()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    outDir: '../mini_sentry/web/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    target: 'es2023',
    // `npm run size` holds the budget.
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: firstVisit(), debugName: 'first visit' }] } },
    },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    headers,
    proxy: Object.fromEntries(
      ['/api', '/docs', '/admin', '/static'].map(path => [path, { target: api, ws: false }]),
    ),
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
    unstubGlobals: true,
    isolate: false,
    css: false,
  },
})
