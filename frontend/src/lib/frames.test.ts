import { describe, expect, it } from 'vitest'
import type { Frame } from './event'
import { chainIn, isMapped, openIndex, packageOf, packages, rawStack, relationWords, rows } from './frames'

const app = (name: string): Frame => ({ function: name, filename: `src/${name}.ts`, lineno: 3, in_app: true })
const library = (name: string): Frame => ({
  function: name,
  filename: `node_modules/react-dom/${name}.js`,
  in_app: false,
})

const shape = (frames: Frame[], options: Parameters<typeof rows>[1]) =>
  rows(frames, options).map(row => (row.kind === 'run' ? row.frames.length : row.frame.function))

describe('a stack', () => {
  const frames = [app('main'), library('a'), library('b'), library('c'), app('fail'), library('x')]

  it('opens at the last in-app frame', () => {
    expect(openIndex(frames)).toBe(4)
    expect(openIndex([library('a'), library('b')])).toBe(1)
    expect(openIndex([])).toBe(-1)
  })

  it('folds library runs and shows the newest frame first', () => {
    expect(shape(frames, { order: 'newest', fold: true })).toEqual(['x', 'fail', 3, 'main'])
  })

  it('shows every frame when asked for all, in the order asked for', () => {
    expect(shape(frames, { order: 'oldest', fold: false })).toEqual(['main', 'a', 'b', 'c', 'fail', 'x'])
  })

  it('without any in-app frame keeps the top one in sight', () => {
    expect(shape([library('a'), library('b'), library('c')], { order: 'newest', fold: true })).toEqual([
      'c',
      2,
    ])
  })
})

describe('the package of a frame', () => {
  it.each([
    ['node_modules/@scope/thing/dist/a.js', '@scope/thing'],
    ['/usr/lib/python3/site-packages/django/db/base.py', 'django'],
    ['node:internal/timers', 'node'],
    ['https://x.test/assets/vendor.a1.js?v=2', 'vendor.a1.js'],
  ])('at %s is %s', (abs_path, name) => {
    expect(packageOf({ abs_path })).toBe(name)
  })

  it('of a Java class is its first three parts', () => {
    expect(packageOf({ module: 'org.springframework.web.Servlet' })).toBe('org.springframework.web')
  })

  it('is named once for many frames, the most frequent first', () => {
    expect(packages([library('a'), library('b'), { abs_path: 'node:fs' }])).toBe('react-dom, node')
  })
})

describe('the raw text', () => {
  it('of Python is what the interpreter prints, oldest cause first', () => {
    const text = rawStack(
      [
        {
          type: 'KeyError',
          value: "'a'",
          relation: 'cause',
          frames: [{ function: 'get', abs_path: '/a.py', lineno: 1, context_line: '  x["a"]' }],
        },
        { type: 'ValueError', value: 'bad', frames: [] },
      ],
      'python',
    )
    expect(text).toBe(
      [
        'Traceback (most recent call last):',
        '  File "/a.py", line 1, in get',
        '    x["a"]',
        "KeyError: 'a'",
        '',
        'The above exception was the direct cause of the following exception:',
        '',
        'ValueError: bad',
      ].join('\n'),
    )
  })

  it('of JavaScript starts at the throw and names causes', () => {
    const text = rawStack(
      [
        { type: 'Error', value: 'inner', relation: 'cause', frames: [] },
        { type: 'TypeError', value: 'outer', frames: [app('main'), app('fail')] },
      ],
      'javascript',
    )
    expect(text).toBe(
      'TypeError: outer\n    at fail (src/fail.ts:3)\n    at main (src/main.ts:3)\nCaused by: Error: inner',
    )
  })
})

it('names how exceptions are joined in the direction they are read', () => {
  expect(relationWords('cause', 'newest')).toBe('caused by')
  expect(relationWords('context', 'newest')).toBe('during the handling of')
  expect(relationWords('cause', 'oldest')).toBe('was the cause of')
  expect(relationWords('group', 'newest')).toBe('one of the group')
})

it('a mapped frame shows what was written or what was sent, an unmapped one the same in both', () => {
  const mapped = {
    function: 'formatTotal',
    filename: 'src/cart.ts',
    lineno: 42,
    context_line: 'total += price',
    vars: { price: 1 },
    map: 'app.js.map',
    raw: { function: 't', filename: 'app.js', abs_path: 'https://x.test/app.js', lineno: 1, colno: 7 },
  }
  const plain = { function: 'other', filename: 'b.js', lineno: 3 }
  const chain = [{ type: 'E', frames: [plain, mapped] }]
  expect(chainIn('original', chain)).toBe(chain)
  const [first, second] = chainIn('minified', chain)[0]?.frames ?? []
  expect(first).toBe(plain)
  expect(second).toMatchObject({
    function: 't',
    filename: 'app.js',
    lineno: 1,
    context_line: null,
    vars: { price: 1 },
  })
  expect(isMapped([{ frames: [plain] }])).toBe(false)
})
