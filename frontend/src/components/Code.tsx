/** A block of code to copy, coloured once its grammar is there. */

import { useEffect, useMemo, useState } from 'react'
import { highlight, type Run } from '@/lib/highlight'
import { CopyButton } from './Copy'
import { Preformatted } from './Preformatted'

export function Code({ label, text, language }: { label: string; text: string; language: string }) {
  const lines = useMemo(() => text.split('\n'), [text])
  const [runs, setRuns] = useState<Run[][]>()
  useEffect(() => {
    let isGone = false
    setRuns(undefined)
    if (language) {
      highlight(lines, language).then(
        result => {
          if (!isGone) setRuns(result)
        },
        () => undefined,
      )
    }
    return () => {
      isGone = true
    }
  }, [lines, language])
  return (
    <div className="relative rounded-l border border-line bg-surface">
      <Preformatted
        label={`${label}, code`}
        className="overflow-x-auto rounded-l px-3 py-2.5 pr-20 phone:py-3.5 font-mono text-s/[19px]"
      >
        <code>
          {lines.map((line, index) => (
            <span key={index} className="block min-h-[19px]">
              {runs?.[index]
                ? runs[index].map((run, at) => (
                    <span key={at} className={run.className}>
                      {run.text}
                    </span>
                  ))
                : line}
            </span>
          ))}
        </code>
      </Preformatted>
      <div className="absolute top-1.5 right-1.5">
        <CopyButton text={text} label="Copy" />
      </div>
    </div>
  )
}
