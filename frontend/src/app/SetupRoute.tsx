/** Set-up of the project in the address. */
import { useParams } from '@tanstack/react-router'
import { SetupPage } from '@/features/setup/SetupPage'

export function SetupRoute() {
  const { project } = useParams({ from: '/p/$project/setup' })
  return <SetupPage key={project} slug={project} />
}
