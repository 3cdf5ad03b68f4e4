/** Where the product lives: its own address, which may be a sub-path. The server says so in `<base href>`. */

const declared = document.querySelector('base')?.getAttribute('href') ?? '/'

/** Absolute, ends in a slash. */
export const baseUrl = new URL(declared, window.location.origin).href.replace(/[^/]*$/, '')

/** Path part, without the last slash; '' at the root. */
export const basePath = new URL(baseUrl).pathname.replace(/\/$/, '')

/** Address of one of the server's own pages or files: `docs/`, `api/events/…/`. */
export function serverUrl(path: string): string {
  return new URL(path.replace(/^\//, ''), baseUrl).href
}
