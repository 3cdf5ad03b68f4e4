/** When nothing comes: what the edge saw of this project, and what each answer means. */
import { useQuery } from '@tanstack/react-query'
import type { Intake } from '@/api/types'
import { Panel } from '@/components/Panel'
import { Text } from '@/components/Text'
import { count, counted } from '@/lib/numbers'
import { intakeQuery } from './queries'

const meaning: Record<string, string> = {
  rate_limited: 'over the limit for this minute; the SDK holds back and tries again later',
  invalid: 'could not be read; the reason names what',
  filtered: 'taken, but of a kind that is not kept',
  client_discard: 'the SDK itself dropped it before sending',
  duplicate: 'sent twice; the first was kept',
}

export function IntakeSeen({ slug }: { slug: string }) {
  const intake = useQuery(intakeQuery(slug))
  if (!intake.data) return null
  const lost = intake.data.outcomes.filter(outcome => outcome.outcome !== 'accepted' && outcome.quantity > 0)
  // A wrong key belongs to no project, so what it sent is told to all.
  const astray = (intake.data.unattributed ?? []).filter(outcome => outcome.quantity > 0)
  return (
    <Panel
      title={intake.data.accepted > 0 ? 'What intake saw' : 'Nothing comes?'}
      note="what arrived in the last 24 hours"
    >
      <div className="px-3 py-2.5">
        {intake.data.accepted > 0 || lost.length > 0 ? (
          <>
            <p>
              <b className="font-semibold">{count(intake.data.accepted)}</b> accepted
              {lost.length === 0 && ', nothing refused or dropped.'}
            </p>
            <Outcomes outcomes={lost} label="What became of the rest" />
          </>
        ) : (
          <NothingSeen />
        )}
        {astray.length > 0 && (
          <>
            <p className="mt-3">Refused before a project could be told, so it may be yours:</p>
            <Outcomes outcomes={astray} label="Refused without a project" />
          </>
        )}
      </div>
    </Panel>
  )
}

function Outcomes({ outcomes, label }: { outcomes: Intake['outcomes']; label: string }) {
  if (outcomes.length === 0) return null
  return (
    <table aria-label={label} className="mt-2 w-full text-s">
      <tbody>
        {outcomes.map(outcome => (
          <tr
            key={`${outcome.outcome} ${outcome.reason} ${outcome.category}`}
            className="border-line border-t align-top"
          >
            <td className="w-12 py-1 pr-3 text-right font-medium">{count(outcome.quantity)}</td>
            <td className="py-1">
              <b className="font-semibold">{outcome.outcome.replace(/_/g, ' ')}</b>{' '}
              <code className="font-mono text-ink2">
                <Text>{outcome.reason}</Text>
              </code>
              {outcome.category && <span className="text-ink3"> · {outcome.category}</span>}
              {meaning[outcome.outcome] && <div className="text-ink3">{meaning[outcome.outcome]}</div>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function NothingSeen() {
  return (
    <>
      <p className="mb-1.5">
        {counted(0, 'request')} with this project's key reached the server. Look at these, in this order:
      </p>
      <ul className="list-disc pl-5 text-ink2">
        <li>
          Does the snippet run before the error happens, and does the process live long enough to send it?
        </li>
        <li>
          Can the application's machine reach the address in the DSN? In a container, localhost is the
          container itself.
        </li>
        <li>In a browser: does an ad blocker stop the request? Its network panel says so.</li>
        <li>Does the SDK print something when its debug option is on?</li>
      </ul>
    </>
  )
}
