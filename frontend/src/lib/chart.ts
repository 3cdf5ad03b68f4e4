/** Bar geometry for the small charts, in units of their viewBox. */

export type Bar = { x: number; y: number; width: number; height: number }

/** Bars over the whole width, tallest value at full height; a value above zero is at least `minimum` tall. */
export function bars(
  values: number[],
  { width, height, gap, minimum }: { width: number; height: number; gap: number; minimum: number },
): Bar[] {
  const top = Math.max(1, ...values)
  const step = width / Math.max(1, values.length)
  return values.map((value, index) => {
    const tall = value > 0 ? Math.max(minimum, (value / top) * height) : 0
    return { x: index * step, y: height - tall, width: Math.max(0.5, step - gap), height: tall }
  })
}

/** From which bar on the tail departs from the usual, or `values.length` when it does not. The usual is the median of
 * what came before the last sixth; twice that, and at least three more, stands out. */
export function tailStart(values: number[]): number {
  const tail = Math.max(1, Math.round(values.length / 6))
  const before = values.slice(0, -tail).sort((one, other) => one - other)
  const usual = before[Math.floor(before.length / 2)] ?? 0
  let start = values.length
  for (let index = values.length - 1; index >= values.length - tail; index -= 1) {
    const value = values[index] ?? 0
    if (value > usual * 2 && value >= usual + 3) start = index
    else if (start < values.length) break
  }
  return start
}
