/** Lines of code in colour. The colours come after the text: plain at first, for good when the grammar cannot be loaded. */
import { useEffect, useState } from 'react'
import { highlight, type Run } from '@/lib/highlight'
import { Text } from './Text'

/** The coloured runs of each line, or undefined while there are none. Without a language there never are. */
export function useHighlighted(lines: string[], language: string | undefined): Run[][] | undefined {
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
  return runs
}

export function CodeLine({ text, runs }: { text: string; runs: Run[] | undefined }) {
  if (!runs) return <Text>{text}</Text>
  return runs.map((run, index) => (
    <span key={index} className={run.className}>
      <Text>{run.text}</Text>
    </span>
  ))
}
