import { expect, it } from 'vitest'
import { curl, platforms, underOrigin } from './snippets'

const facts = {
  dsn: 'http://abc@localhost:8000/1',
  tokenUrl: 'http://localhost:8000/api/events/ingest/token/t0ken/',
}

it('every snippet holds the address it sends to', () => {
  for (const platform of platforms) {
    expect(platform.paste(facts), platform.name).toMatch(/abc@localhost:8000\/1|token\/t0ken\//)
  }
})

it('the curl line is one command whose body is JSON', () => {
  const line = curl(facts.tokenUrl)
  expect(
    line
      .split('\n')
      .slice(0, -1)
      .every(part => part.endsWith('\\')),
  ).toBe(true)
  const body = /-d '(.*)'/.exec(line)?.[1]
  expect(JSON.parse(body ?? '')).toMatchObject({ level: 'error' })
})

it('an address can be told under the host one came by', () => {
  expect(underOrigin('http://abc@nginx:8000/err/1', 'https://errors.test')).toBe(
    'https://abc@errors.test/err/1',
  )
  expect(underOrigin(facts.tokenUrl, 'http://127.0.0.1:5173')).toBe(
    'http://127.0.0.1:5173/api/events/ingest/token/t0ken/',
  )
})
