/** The API's objects under the names that the UI uses. */
import type { Normalized } from '@/lib/event'
import type { components } from './schema'

type Schemas = components['schemas']

export type Project = Schemas['Project']
export type Intake = Schemas['Intake']
export type Group = Schemas['Group']
export type GroupStats = Schemas['GroupStats']
export type Comment = Schemas['Comment']
export type Activity = Schemas['Activity']
export type TagShares = Schemas['TagShares']
export type SeriesBucket = Schemas['SeriesBucket']
export type Explanation = Schemas['Explanation']
/** The readable parts come as the server says, but may be absent where an older event lacks them. */
export type EventDetail = Omit<Schemas['EventDetail'], 'normalized'> & { normalized: Normalized }

/** What `/api/live/` tells of a batch of events. */
export type LiveBatch = {
  project: number
  slug: string
  events: number
  groups: {
    id: number
    short_id: string
    count: number
    last_seen: string
    title: string
    level: string
    kind: 'new' | 'again' | 'regression'
  }[]
  latest: { event_id: string; group: number | null; title: string; level: string; timestamp: string }[]
}
