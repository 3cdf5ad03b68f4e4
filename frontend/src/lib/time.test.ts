import { describe, expect, it } from 'vitest'
import { absolute, age, ago, everyForm, nextChange, offset, short, ticks } from './time'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

describe('an age', () => {
  it.each([
    [-5 * second, 'now'],
    [400, 'now'],
    [12 * second, '12 s'],
    [59.9 * second, '59 s'],
    [38 * minute, '38 m'],
    [25 * hour, '25 h'],
    [2 * day, '2 d'],
    [63 * day, '63 d'],
    [800 * day, '2 y'],
  ])('of %d ms reads %s', (milliseconds, text) => {
    expect(age(milliseconds)).toBe(text)
  })

  it('as a phrase says when', () => {
    expect(ago(12 * second)).toBe('12 s ago')
    expect(ago(0)).toBe('just now')
  })

  it('changes no later than its clock ticks', () => {
    expect(nextChange(5 * second)).toBeLessThanOrEqual(second)
    expect(nextChange(5 * minute)).toBeLessThanOrEqual(minute)
  })
})

describe('time before a crash', () => {
  it.each([
    [0, '0 s'],
    [-20, '−20 ms'],
    [-400, '−0.4 s'],
    [-41_200, '−41.2 s'],
    [-184_000, '−3 m 04 s'],
    [-2 * hour, '−2 h'],
    [200, '+0.2 s'],
  ])('%d ms reads %s', (milliseconds, text) => {
    expect(offset(milliseconds)).toBe(text)
  })
})

describe('an absolute time', () => {
  const time = new Date('2026-11-23T15:04:51Z')

  it('names its day, its seconds and its zone', () => {
    expect(absolute(time, 'UTC')).toBe('Mon 23 Nov 2026, 15:04:51 UTC')
    expect(absolute(time, 'Europe/Berlin')).toMatch(/^Mon 23 Nov 2026, 16:04:51 (CET|GMT\+1)$/)
  })

  it('counts midnight as 00, not 24', () => {
    expect(absolute(new Date('2026-11-23T00:00:05Z'), 'UTC')).toContain('00:00:05')
  })

  it('leaves out the day when it is today', () => {
    const now = new Date('2026-11-23T20:00:00Z')
    expect(short(time, now, 'UTC')).toBe('15:04')
    expect(short(time, new Date('2026-11-24T01:00:00Z'), 'UTC')).toBe('23 Nov, 15:04')
  })

  it('shows the zone here, UTC and ISO in its tooltip', () => {
    const lines = everyForm(time).split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toContain('UTC')
    expect(lines[2]).toBe('2026-11-23T15:04:51.000Z')
  })
})

const apart = (marks: { at: number }[]) => [
  ...new Set(marks.slice(1).map((mark, index) => mark.at - (marks[index]?.at ?? 0))),
]

it('the marks of a day are evenly apart, on whole hours of the zone', () => {
  const end = Date.parse('2026-11-24T07:00:00Z')
  const marks = ticks(end - 24 * 3600_000, end, 'Europe/Berlin')
  expect(marks.map(mark => mark.text)).toEqual(['08:00', '12:00', '16:00', '20:00', 'Tue 24', '04:00'])
  expect(apart(marks)).toEqual([4 * 3600_000])
})

it('the marks of a week are its days, in a zone that is half an hour off too', () => {
  const end = Date.parse('2026-11-24T07:00:00Z')
  const marks = ticks(end - 7 * 86_400_000, end, 'Asia/Kolkata')
  expect(marks.map(mark => mark.text).at(-1)).toBe('Tue 24')
  expect(marks).toHaveLength(7)
  expect(new Date(marks[0]?.at ?? 0).toISOString()).toBe('2026-11-17T18:30:00.000Z')
})

it('the marks of a month are every fifth day', () => {
  const end = Date.parse('2026-11-24T07:00:00Z')
  const marks = ticks(end - 30 * 86_400_000, end, 'UTC')
  expect(marks.map(mark => mark.text)).toEqual(['30 Oct', '4 Nov', '9 Nov', '14 Nov', '19 Nov', '24 Nov'])
  expect(apart(marks)).toEqual([5 * 86_400_000])
})
