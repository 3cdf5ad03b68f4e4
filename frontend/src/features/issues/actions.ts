/** What may be done to an issue in each state, and doing it: at once on screen, with a way back for eight seconds.
 *
 * Mirrors the table in the server's `groups/transitions.py`. */
import { useQueryClient } from '@tanstack/react-query'
import { ApiError, api, unwrap } from '@/api/client'
import type { Group } from '@/api/types'
import { toast } from '@/components/Toasts'
import { counted } from '@/lib/numbers'
import { patchGroups } from './queries'

export type Action = 'resolve' | 'unresolve' | 'ignore'

export function allowed(status: Group['status']): Action[] {
  if (status === 'unresolved') return ['resolve', 'ignore']
  if (status === 'resolved') return ['unresolve']
  return ['unresolve', 'resolve']
}

const statusAfter: Record<Action, Group['status']> = {
  resolve: 'resolved',
  unresolve: 'unresolved',
  ignore: 'ignored',
}
const done: Record<Action, string> = { resolve: 'Resolved', unresolve: 'Reopened', ignore: 'Ignored' }

/** Which action leads back to a status. */
const backTo: Record<Group['status'], Action> = {
  resolved: 'resolve',
  unresolved: 'unresolve',
  ignored: 'ignore',
}

async function send(slug: string, action: Action, ids: number[]): Promise<void> {
  const [only] = ids
  if (ids.length === 1 && only !== undefined) {
    const params = { path: { id: only } }
    if (action === 'resolve') await unwrap(api.POST('/api/groups/{id}/resolve/', { params }))
    else if (action === 'ignore') await unwrap(api.POST('/api/groups/{id}/ignore/', { params }))
    else await unwrap(api.POST('/api/groups/{id}/unresolve/', { params }))
  } else {
    await unwrap(api.POST('/api/groups/bulk/', { body: { project: slug, ids, action } }))
  }
}

/** The status that an action leads to, and what else of a group changes with it. */
export function afterAction(group: Group, action: Action, now: string): Group {
  const status = statusAfter[action]
  return {
    ...group,
    status,
    substatus: status === 'unresolved' ? (group.substatus ?? 'ongoing') : null,
    resolved_at: status === 'resolved' ? now : null,
  }
}

export function useIssueActions(slug: string) {
  const client = useQueryClient()

  /** Shows the change, sends it, and takes it back on screen when the server refuses. */
  async function change(groups: Group[], action: Action): Promise<boolean> {
    const before = new Map(groups.map(group => [group.id, group]))
    const now = new Date().toISOString()
    patchGroups(client, slug, group => (before.has(group.id) ? afterAction(group, action, now) : group))
    try {
      await send(slug, action, [...before.keys()])
      return true
    } catch (error) {
      patchGroups(client, slug, group => {
        const old = before.get(group.id)
        return old
          ? { ...group, status: old.status, substatus: old.substatus, resolved_at: old.resolved_at }
          : group
      })
      toast({ text: failure(error), tone: 'error' })
      return false
    } finally {
      void client.invalidateQueries({ queryKey: ['activity'] })
      void client.invalidateQueries({ queryKey: ['projects'] })
    }
  }

  async function run(groups: Group[], action: Action): Promise<void> {
    const fit = groups.filter(group => group.status !== statusAfter[action])
    if (fit.length === 0) return
    if (!(await change(fit, action))) return
    const [only] = fit
    toast({
      text: `${done[action]} ${fit.length === 1 && only ? only.short_id : counted(fit.length, 'issue')}.`,
      action: { label: 'Undo', run: () => void undo(fit) },
    })
  }

  async function undo(groups: Group[]): Promise<void> {
    for (const status of ['unresolved', 'resolved', 'ignored'] as const) {
      const same = groups.filter(group => group.status === status)
      if (same.length > 0) await change(same, backTo[status])
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

  return { run, assign }
}

function failure(error: unknown): string {
  return error instanceof ApiError ? error.message : 'That did not work.'
}
