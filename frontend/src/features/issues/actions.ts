/** What may be done to an issue in each state, and doing it: at once on screen, with a way back for eight seconds.
 *
 * Mirrors the table in the server's `groups/transitions.py`. */
import { useQueryClient } from '@tanstack/react-query'
import { ApiError, api, unwrap } from '@/api/client'
import type { Group } from '@/api/types'
import { toast } from '@/components/Toasts'
import { counted } from '@/lib/numbers'
import type { GroupFilters } from './filters'
import { type Action, actOnGroups, actOnMatching, patchGroups } from './queries'

export type { Action }

type Status = Group['status']

export function allowed(status: Status): Action[] {
  if (status === 'unresolved') return ['resolve', 'ignore']
  if (status === 'resolved') return ['unresolve']
  return ['unresolve', 'resolve']
}

const statusAfter: Record<Action, Status> = {
  resolve: 'resolved',
  unresolve: 'unresolved',
  ignore: 'ignored',
}
const done: Record<Action, string> = { resolve: 'Resolved', unresolve: 'Reopened', ignore: 'Ignored' }

const statuses: Status[] = ['unresolved', 'resolved', 'ignored']

/** For how long after its first event the server calls an open issue new. */
const newForMs = 7 * 24 * 3600_000

/** The status that an action leads to, and what else of a group changes with it. */
export function afterAction(group: Group, action: Action, now: string): Group {
  const status = statusAfter[action]
  if (status === group.status) return group
  const isNew = Date.parse(now) - Date.parse(group.first_seen) < newForMs
  return {
    ...group,
    status,
    substatus: status === 'unresolved' ? (isNew ? 'new' : 'ongoing') : null,
    resolved_at: status === 'resolved' ? now : null,
  }
}

/** The statuses that an action changes something about, of those a list shows. */
export function statusesBefore(action: Action, shown: GroupFilters['status']): Status[] {
  return statuses.filter(status => status !== statusAfter[action] && (shown === 'all' || shown === status))
}

/** The actions that change something about at least one of these issues, or, without any named, of those a list shows. */
export function offered(groups: Group[] | undefined, shown: GroupFilters['status']): Action[] {
  return (['resolve', 'ignore', 'unresolve'] as const).filter(action =>
    groups
      ? groups.some(group => group.status !== statusAfter[action])
      : statusesBefore(action, shown).length > 0,
  )
}

/** What groups were before an action, as far as it is known; `ids` are all that it changed. */
type Before = { ids: number[]; groups: Map<number, Group> }

/** A group with the status that it had, and what goes with it. */
function asBefore(group: Group, old: Group): Group {
  return { ...group, status: old.status, substatus: old.substatus, resolved_at: old.resolved_at }
}

export function useIssueActions(slug: string) {
  const client = useQueryClient()

  function show(ids: Iterable<number>, action: Action) {
    const changed = new Set(ids)
    const now = new Date().toISOString()
    patchGroups(client, slug, group => (changed.has(group.id) ? afterAction(group, action, now) : group))
  }

  function recount() {
    void client.invalidateQueries({ queryKey: ['activity'] })
    void client.invalidateQueries({ queryKey: ['projects'] })
  }

  /** Shows the change, sends it, and takes it back on screen when the server refuses. */
  async function change(groups: Group[], action: Action): Promise<boolean> {
    const before = new Map(groups.map(group => [group.id, group]))
    show(before.keys(), action)
    try {
      await actOnGroups(slug, action, [...before.keys()])
      return true
    } catch (error) {
      patchGroups(client, slug, group => {
        const old = before.get(group.id)
        return old ? asBefore(group, old) : group
      })
      toast({ text: failure(error), tone: 'error' })
      return false
    } finally {
      recount()
    }
  }

  async function run(chosen: Group[], action: Action): Promise<void> {
    const fit = chosen.filter(group => group.status !== statusAfter[action])
    if (fit.length === 0) return
    if (!(await change(fit, action))) return
    const [only] = fit
    const groups = new Map(fit.map(group => [group.id, group]))
    const what = fit.length === 1 && only ? only.short_id : counted(fit.length, 'issue')
    tell(action, what, { ids: [...groups.keys()], groups })
  }

  /** The same for all that match, loaded or not. The server says which it changed; only those are taken back by undo. */
  async function runMatching(filters: GroupFilters, action: Action): Promise<void> {
    let ids: number[] = []
    try {
      ids = await actOnMatching(slug, action, filters)
      show(ids, action)
    } catch (error) {
      toast({ text: failure(error), tone: 'error' })
    }
    recount()
    listAgain()
    if (ids.length > 0) tell(action, counted(ids.length, 'issue'), { ids, groups: new Map() }, listAgain)
  }

  /** More changed than the rows on screen. */
  function listAgain() {
    void client.invalidateQueries({ queryKey: ['groups', slug] })
  }

  function tell(action: Action, what: string, before: Before, andThen?: () => void) {
    toast({
      text: `${done[action]} ${what}.`,
      action: { label: 'Undo', run: () => void undo(before).then(andThen) },
    })
  }

  /** The server knows all that was, and leaves alone what has come back since. */
  async function undo({ ids, groups }: Before): Promise<void> {
    patchGroups(client, slug, group => {
      const old = groups.get(group.id)
      return old ? asBefore(group, old) : group
    })
    try {
      await actOnGroups(slug, 'undo', ids)
    } catch (error) {
      toast({ text: failure(error), tone: 'error' })
      void client.invalidateQueries({ queryKey: ['groups', slug] })
      void client.invalidateQueries({ queryKey: ['group'] })
    } finally {
      recount()
    }
  }

  async function assign(group: Group, assignee: string): Promise<void> {
    patchGroups(client, slug, each => (each.id === group.id ? { ...each, assignee } : each))
    try {
      await unwrap(
        api.POST('/api/groups/{id}/assign/', { params: { path: { id: group.id } }, body: { assignee } }),
      )
      toast({ text: assignee ? `Assigned to ${assignee}.` : 'Nobody is assigned now.' })
    } catch (error) {
      patchGroups(client, slug, each => (each.id === group.id ? { ...each, assignee: group.assignee } : each))
      toast({ text: failure(error), tone: 'error' })
    } finally {
      void client.invalidateQueries({ queryKey: ['activity', group.id] })
    }
  }

  return { run, runMatching, assign }
}

function failure(error: unknown): string {
  return error instanceof ApiError ? error.message : 'That did not work.'
}
