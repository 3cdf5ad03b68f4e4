/** Set-up while its code or its project is on the way: the head at once, the steps as they will stand. */
import { PageHead } from '@/components/PageHead'
import { Skeleton } from '@/components/State'

export function SetupSkeleton() {
  return (
    <>
      <PageHead title="Set up" withZone={false} />
      <div
        role="status"
        aria-label="Loading the set-up"
        className="mx-auto flex w-full max-w-[68rem] flex-col gap-4 px-2.5 py-4 md:px-4 md:pl-[208px]"
      >
        <Skeleton className="h-10" />
        <Skeleton className="h-7 w-2/3" />
        <Skeleton className="h-16" />
        <Skeleton className="h-40" />
      </div>
    </>
  )
}
