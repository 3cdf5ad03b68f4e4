/** The readable parts of an event, as the server normalises them. Every part may be absent. */

export type Frame = {
  function?: string | null
  module?: string | null
  filename?: string | null
  abs_path?: string | null
  lineno?: number | null
  colno?: number | null
  in_app?: boolean | null
  in_app_reason?: string | null
  pre_context?: string[] | null
  context_line?: string | null
  post_context?: string[] | null
  vars?: Record<string, unknown> | null
  package?: string | null
  /** The frame as it was sent, where a map made it another. */
  raw?: Pick<Frame, 'function' | 'module' | 'filename' | 'abs_path' | 'lineno' | 'colno'> | null
  /** The name of the uploaded map that it was read with. */
  map?: string | null
  /** Why a minified frame could not be read; `names` are the files or releases that there are instead. */
  why?: { code: string; text: string; names?: string[] | null } | null
}

/** `relation` says how an exception came to be joined to the one thrown after it. */
export type ExceptionEntry = {
  type?: string | null
  value?: string | null
  module?: string | null
  mechanism?: {
    type?: string | null
    handled?: boolean | null
    description?: string | null
    help_link?: string | null
    [key: string]: unknown
  } | null
  thread_id?: string | number | null
  relation?: 'cause' | 'context' | 'group' | null
  /** Caller first, the frame that raised last. */
  frames?: Frame[] | null
}

export type Thread = {
  id?: string | number | null
  name?: string | null
  crashed?: boolean | null
  current?: boolean | null
  frames?: Frame[] | null
}

export type Breadcrumb = {
  timestamp?: string | number | null
  type?: string | null
  category?: string | null
  message?: string | null
  level?: string | null
  data?: Record<string, unknown> | null
}

export type Pairs = [string, unknown][]

export type RequestPart = {
  method?: string | null
  url?: string | null
  query_string?: Pairs | string | null
  data?: unknown
  cookies?: Pairs | null
  headers?: Pairs | null
  env?: Pairs | Record<string, unknown> | null
}

export type Normalized = {
  /** Oldest cause first, the exception that was thrown last. */
  exceptions?: ExceptionEntry[] | null
  threads?: Thread[] | null
  stacktrace?: Frame[] | null
  message?: { formatted?: string | null; template?: string | null; params?: unknown } | null
  breadcrumbs?: Breadcrumb[] | null
  request?: RequestPart | null
  contexts?: Record<string, Record<string, unknown> | null> | null
  extra?: Record<string, unknown> | null
  modules?: Record<string, string | null> | null
  sdk?: { name?: string | null; version?: string | null } | null
  errors?: { type?: string; name?: string | null; value?: unknown }[] | null
}

export type Level = 'fatal' | 'error' | 'warning' | 'info' | 'debug'

export const levels: Level[] = ['fatal', 'error', 'warning', 'info', 'debug']

/** Any level word as one of the five; unknown ones are errors, as the server holds it. */
export function levelOf(word: string | null | undefined): Level {
  return levels.find(level => level === word) ?? 'error'
}
