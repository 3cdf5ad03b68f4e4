/** Which grammar colours a frame's source: by file name, else by the event's platform. */

const byExtension: Record<string, string> = {
  py: 'python',
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  jsx: 'javascript',
  ts: 'typescript',
  tsx: 'typescript',
  vue: 'xml',
  html: 'xml',
  go: 'go',
  java: 'java',
  kt: 'kotlin',
  rb: 'ruby',
  php: 'php',
  cs: 'csharp',
  rs: 'rust',
  swift: 'swift',
  c: 'cpp',
  cc: 'cpp',
  cpp: 'cpp',
  h: 'cpp',
  sql: 'sql',
}

const byPlatform: Record<string, string> = {
  python: 'python',
  javascript: 'javascript',
  node: 'javascript',
  go: 'go',
  java: 'java',
  ruby: 'ruby',
  php: 'php',
  csharp: 'csharp',
  rust: 'rust',
  native: 'cpp',
  cocoa: 'swift',
}

export function languageOf(
  filename: string | null | undefined,
  platform: string | null | undefined,
): string | undefined {
  const extension = filename?.match(/\.(\w+)(?:[?#].*)?$/)?.[1]?.toLowerCase()
  return (extension && byExtension[extension]) || (platform ? byPlatform[platform] : undefined)
}
