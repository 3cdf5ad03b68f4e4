/** The issue list; a project without any event shows its set-up instead. */

import { useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { IssuesPage } from '@/features/issues/IssuesPage'
import { SetupSkeleton } from '@/features/setup/SetupSkeleton'

const SetupPage = lazy(() =>
  import('@/features/setup/SetupPage').then(module => ({ default: module.SetupPage })),
)

export function IssuesRoute() {
  const { project } = useParams({ from: '/p/$project/issues' })
  return (
    <IssuesPage
      key={project}
      noEvent={
        <Suspense fallback={<SetupSkeleton />}>
          <SetupPage slug={project} />
        </Suspense>
      }
    />
  )
}
