/** Small charts drawn as SVG, each with a sentence for those who do not see it. */
import { bars, tailStart } from '@/lib/chart'
import { counted } from '@/lib/numbers'

const colours: Record<string, string> = {
  fatal: 'fill-bar-fatal',
  error: 'fill-bar-error',
  warning: 'fill-bar-warning',
  info: 'fill-bar-info',
  debug: 'fill-bar-quiet',
}

/** A row's trend: grey as usual, coloured where its tail departs from that. */
export function Sparkline({ values, level, label }: { values: number[]; level: string; label: string }) {
  const tail = tailStart(values)
  const width = 100
  const height = 20
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line
        x1="0"
        x2={width}
        y1={height - 0.5}
        y2={height - 0.5}
        className="stroke-edge"
        strokeDasharray="2 2"
      />
      {bars(values, { width, height, gap: 1, minimum: 2 }).map((bar, index) => (
        <rect
          key={index}
          {...bar}
          className={index >= tail ? (colours[level] ?? 'fill-bar-error') : 'fill-bar-quiet'}
        />
      ))}
    </svg>
  )
}

export type Bucket = { at: string; title: string; parts: { name: string; value: number }[] }

/** Stacked bars over time, over the whole width. `marked` is the bucket of what the page shows. */
export function TimeBars({
  buckets,
  label,
  marked,
  height = 58,
}: {
  buckets: Bucket[]
  label: string
  marked?: number
  height?: number
}) {
  const width = 1180
  const totals = buckets.map(bucket => bucket.parts.reduce((sum, part) => sum + part.value, 0))
  const frames = bars(totals, { width, height, gap: Math.min(3, width / buckets.length / 5), minimum: 2 })
  return (
    <figure>
      <svg
        width="100%"
        height={height + 8}
        viewBox={`0 0 ${width} ${height + 8}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <line x1="0" x2={width} y1={height} y2={height} className="stroke-line" />
        {frames.map((frame, index) => {
          const bucket = buckets[index]
          if (!bucket) return null
          let y = height
          return (
            <g key={bucket.at}>
              <title>{bucket.title}</title>
              <rect x={frame.x} y={0} width={width / buckets.length} height={height} fill="transparent" />
              {bucket.parts
                .filter(part => part.value > 0)
                .map(part => {
                  const share = (part.value / (totals[index] || 1)) * frame.height
                  y -= share
                  return (
                    <rect
                      key={part.name}
                      x={frame.x}
                      y={y}
                      width={frame.width}
                      height={share}
                      className={colours[part.name]}
                    />
                  )
                })}
              {index === marked && (
                <path d={`M${frame.x + frame.width / 2} ${height + 1}l-5 6h10z`} className="fill-accent" />
              )}
            </g>
          )
        })}
      </svg>
      <div className="sr-only">
        <table>
          <caption>{label}</caption>
          <tbody>
            {buckets.map((bucket, index) => (
              <tr key={bucket.at}>
                <th scope="row">{bucket.title}</th>
                <td>{counted(totals[index] ?? 0, 'event')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}

/** Shares of a whole as one thin bar; the first is strongest. */
export function ShareBar({ shares }: { shares: number[] }) {
  let x = 0
  return (
    <svg
      width="100%"
      height="7"
      viewBox="0 0 100 7"
      preserveAspectRatio="none"
      aria-hidden="true"
      className="overflow-hidden rounded-[3px] bg-sunk"
    >
      {shares.map((share, index) => {
        const from = x
        x += share * 100
        return (
          <rect
            key={index}
            x={from}
            y="0"
            width={Math.max(0, share * 100 - 0.6)}
            height="7"
            className="fill-bar-info"
            opacity={[1, 0.6, 0.38, 0.25][index] ?? 0.18}
          />
        )
      })}
    </svg>
  )
}
