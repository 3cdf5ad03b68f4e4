/** The API's types, in the form that `npm run openapi` generates from docs/openapi.yaml. */

export interface components {
  schemas: {
    Project: {
      id: number
      name: string
      slug: string
      created_at: string
      ingest_token: string
      dsn: string
      platform: string
      last_event_at: string | null
      open_count: number
      event_count_24h: number
    }
    NewProject: { name: string; slug: string; platform?: string }
    Intake: {
      accepted: number
      unattributed?: { outcome: string; reason: string; category: string; quantity: number }[]
      outcomes: { outcome: string; reason: string; category: string; quantity: number }[]
      range: string
    }
    Group: {
      id: number
      project: number
      title: string
      level: string
      count: number
      first_seen: string
      last_seen: string
      status: 'unresolved' | 'resolved' | 'ignored'
      resolved_at: string | null
      assignee: string
      is_bookmarked: boolean
      short_id: string
      stored_count: number
      type: string
      value: string
      culprit: string
      platform: string
      handled: boolean | null
      environments: string[]
      substatus: 'new' | 'regressed' | 'ongoing' | null
      first_release: string | null
      last_release: string | null
      hash_count: number
      grouping: string
    }
    GroupStats: { [id: string]: { trend: number[]; users: number; count: number } }
    BulkAction: {
      project: string
      ids?: number[]
      q?: string
      action: 'resolve' | 'unresolve' | 'ignore' | 'assign'
      assignee?: string
    }
    BulkResult: { changed: number[] }
    Comment: { id: number; group: number; author: string; body: string; created_at: string }
    Activity: {
      id: number
      kind: string
      author: string | null
      data: { [key: string]: unknown } | null
      created_at: string
    }
    TagShares: { key: string; total: number; values: { value: string; count: number; share: number }[] }
    GroupHash: {
      hash: string
      variant: string
      count: number
      config: string
      explanation: unknown[]
      first_seen: string
    }
    SeriesBucket: {
      bucket: string
      error: number
      warning: number
      info: number
      fatal?: number
      debug?: number
    }
    Event: {
      id: string
      project: number
      group: number | null
      message: string
      level: string
      payload: { [key: string]: unknown } | null
      received_at: string
      release: number | null
      environment: string
      tags: unknown
      stack: string | null
      symbolicated: { [key: string]: unknown }
    }
    EventDetail: components['schemas']['Event'] & {
      event_id: string
      title: string
      culprit: string
      type: string
      platform: string
      timestamp: string
      dist: string | null
      handled: boolean | null
      tag_list: { key: string; value: string }[]
      user: { [key: string]: unknown } | null
      normalized: { [key: string]: unknown }
      grouping: {
        config: string
        hashes: { hash: string; variant: string }[]
        explanation: unknown[]
      }
      neighbours: { previous: string | null; next: string | null; first: string | null; latest: string | null }
      position: number
      stored: number
      counted: number
    }
  }
}

type Answer<Body, Status extends number = 200> = {
  responses: { [status in Status]: { headers: { [name: string]: unknown }; content: { 'application/json': Body } } }
}
type Json<Body> = { requestBody: { content: { 'application/json': Body } } }
type Path<Names extends string, Value = string> = { path: { [name in Names]: Value } }
type Schemas = components['schemas']

type GroupFilters = {
  project?: string
  level?: string[]
  environment?: string[]
  release?: string
  status?: string
  range?: string
  from?: string
  to?: string
  q?: string
  sort?: string
  limit?: number
  cursor?: string
}

export interface paths {
  '/api/projects/': {
    get: Answer<Schemas['Project'][]>
    post: Json<Schemas['NewProject']> & Answer<Schemas['Project'], 201>
  }
  '/api/projects/{slug}/': { parameters: Path<'slug'>; get: { parameters: Path<'slug'> } & Answer<Schemas['Project']> }
  '/api/projects/{slug}/intake/': {
    get: { parameters: Path<'slug'> } & Answer<Schemas['Intake']>
  }
  '/api/groups/': { get: { parameters: { query?: GroupFilters } } & Answer<Schemas['Group'][]> }
  '/api/groups/stats/': {
    get: {
      parameters: { query: { project: string; id: number[]; range?: string; environment?: string[] } }
    } & Answer<Schemas['GroupStats']>
  }
  '/api/groups/bulk/': { post: Json<Schemas['BulkAction']> & Answer<Schemas['BulkResult']> }
  '/api/groups/by-short-id/{short_id}/': {
    get: { parameters: Path<'short_id'> } & Answer<Schemas['Group']>
  }
  '/api/groups/{id}/': { get: { parameters: Path<'id', number> } & Answer<Schemas['Group']> }
  '/api/groups/{id}/resolve/': { post: { parameters: Path<'id', number> } & Answer<Schemas['Group']> }
  '/api/groups/{id}/unresolve/': { post: { parameters: Path<'id', number> } & Answer<Schemas['Group']> }
  '/api/groups/{id}/ignore/': { post: { parameters: Path<'id', number> } & Answer<Schemas['Group']> }
  '/api/groups/{id}/assign/': {
    post: { parameters: Path<'id', number> } & Json<{ assignee: string }> & Answer<Schemas['Group']>
  }
  '/api/groups/{id}/comments/': {
    get: { parameters: Path<'id', number> } & Answer<Schemas['Comment'][]>
    post: { parameters: Path<'id', number> } & Json<{ body: string }> & Answer<Schemas['Comment'], 201>
  }
  '/api/groups/{id}/activity/': { get: { parameters: Path<'id', number> } & Answer<Schemas['Activity'][]> }
  '/api/groups/{id}/tags/': { get: { parameters: Path<'id', number> } & Answer<Schemas['TagShares'][]> }
  '/api/groups/{id}/series/': {
    get: {
      parameters: Path<'id', number> & { query?: { range?: string; interval?: string; environment?: string[] } }
    } & Answer<Schemas['SeriesBucket'][]>
  }
  '/api/groups/{id}/events/{event}/': {
    get: {
      parameters: { path: { id: number; event: string } } & { query?: { environment?: string[]; q?: string } }
    } & Answer<Schemas['EventDetail']>
  }
}
