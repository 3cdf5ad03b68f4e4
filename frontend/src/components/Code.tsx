/** A block of code to copy. */

import { useMemo } from 'react'
import { CopyButton } from './Copy'
import { CodeLine, useHighlighted } from './Highlighted'
import { Preformatted } from './Preformatted'

export function Code({ label, text, language }: { label: string; text: string; language: string }) {
  const lines = useMemo(() => text.split('\n'), [text])
  const runs = useHighlighted(lines, language)
  return (
    <div className="relative rounded-l border border-line bg-surface">
      <Preformatted
        label={`${label}, code`}
        className="overflow-x-auto rounded-l px-3 py-2.5 pr-20 phone:py-3.5 font-mono text-s/[19px]"
      >
        <code>
          {lines.map((line, index) => (
            <span key={index} className="block min-h-[19px]">
              <CodeLine text={line} runs={runs?.[index]} />
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
