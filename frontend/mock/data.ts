/** A small made-up world of projects, issues and events, the same on every start but for its clock. */
import type { components } from '../src/api/schema'

type Schemas = components['schemas']
export type MockGroup = Schemas['Group']
type Project = Schemas['Project']

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const hex = (seed: string) => {
  let text = ''
  let state = 2166136261
  for (let round = 0; text.length < 32; round += 1) {
    for (const character of `${seed}${round}`)
      state = Math.imul(state ^ character.charCodeAt(0), 16777619) >>> 0
    text += state.toString(16).padStart(8, '0')
  }
  return text.slice(0, 32)
}

/** Numbers from 0 to 1 that look random and are the same each time. */
function chance(seed: string): () => number {
  let state = Number.parseInt(hex(seed).slice(0, 8), 16) || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

type Sketch = [
  type: string,
  value: string,
  culprit: string,
  level: MockGroup['level'],
  count: number,
  users: number,
  lastMinutes: number,
  firstDays: number,
  environments: string,
  flags?: string,
]

const sketches: Sketch[] = [
  [
    'TypeError',
    "Cannot read properties of undefined (reading 'price')",
    'formatTotal(src/cart/lineItem.ts)',
    'error',
    1284,
    96,
    0.2,
    2,
    'production',
    'unhandled js spike assigned:Mara K.',
  ],
  [
    'ChunkLoadError',
    'Loading chunk checkout-9f2c failed after 3 attempts',
    'loadRoute(src/router/lazy.ts)',
    'error',
    43,
    41,
    1,
    0.026,
    'production',
    'unhandled js new spike',
  ],
  [
    'OutOfMemoryError',
    'Image worker exceeded 512 MB while resizing banner.png',
    'workers.resize in resize',
    'fatal',
    7,
    0,
    4,
    0.035,
    'production,staging',
    'unhandled new spike',
  ],
  [
    'IntegrityError',
    'duplicate key value violates unique constraint "orders_order_number_key"\nDETAIL:  Key (number)=(10442) already exists.',
    'orders.models in create_order',
    'error',
    212,
    58,
    2,
    41,
    'production',
    'handled regressed spike assigned:Jonas T.',
  ],
  [
    'TimeoutError',
    'upstream payment-gw did not answer within 8000 ms',
    'submitOrder(src/checkout/pay.ts)',
    'error',
    128_907,
    1120,
    0.4,
    12,
    'production',
    'assigned:Jonas T.',
  ],
  [
    '',
    'Deprecated currency code "BYR" in price feed',
    'pricing.feed in normalise',
    'warning',
    3604,
    0,
    0.1,
    63,
    'production,staging',
  ],
  [
    'NetworkError',
    'Failed to fetch /api/recommendations',
    'useRecs(src/home/Recs.tsx)',
    'error',
    866,
    702,
    3,
    20,
    'production',
    'js',
  ],
  [
    'ValidationError',
    'postcode: String does not match /^[0-9]{5}$/',
    'parseAddress(src/address/schema.ts)',
    'error',
    391,
    377,
    9,
    26,
    'production',
    'js handled',
  ],
  [
    'KeyError',
    "'shipping_zone'",
    'shipping.rates in zone_for',
    'error',
    148,
    133,
    11,
    30,
    'production',
    'handled assigned:Mara K.',
  ],
  [
    '',
    'Feature flag service unreachable, using defaults',
    'refresh(src/flags/client.ts)',
    'warning',
    2051,
    0,
    0.6,
    44,
    'production,staging',
  ],
  [
    'RangeError',
    'Maximum call stack size exceeded',
    'flatten(src/tree/flatten.ts)',
    'error',
    62,
    60,
    26,
    52,
    'production',
    'unhandled js',
  ],
  ['', 'order_search took 4.2 s (p95 0.3 s)', 'search.backend in run', 'info', 504, 0, 0.8, 70, 'production'],
  [
    'DOMException',
    'The quota has been exceeded (localStorage)',
    'persist(src/cart/storage.ts)',
    'error',
    77,
    74,
    34,
    58,
    'production',
    'js',
  ],
  [
    'ZeroDivisionError',
    'division by zero',
    'stats.views in average',
    'error',
    19,
    6,
    48,
    6,
    'staging',
    'unhandled',
  ],
  [
    'ConnectionResetError',
    '[Errno 104] Connection reset by peer',
    'mailer.smtp in deliver',
    'error',
    233,
    0,
    71,
    33,
    'production',
  ],
  [
    'UnicodeDecodeError',
    "'utf-8' codec can't decode byte 0xe9 in position 12: invalid continuation byte",
    'imports.csv in read_rows',
    'error',
    12,
    3,
    95,
    9,
    'production',
  ],
  [
    'SyntaxError',
    'Unexpected token \'<\', "<!doctype "... is not valid JSON',
    'parse(src/api/client.ts)',
    'error',
    340,
    298,
    14,
    18,
    'production',
    'unhandled js',
  ],
  [
    '\u202eexe.evil',
    '<img src=x onerror=alert(1)> \u0000 javascript:alert(1) \ud800 https://x.test/?a=<script>',
    '<script>alert(1)</script>',
    'error',
    3,
    1,
    130,
    3,
    '"><b>prod</b>',
    'unhandled hostile',
  ],
]

const pythonStack = {
  exceptions: [
    {
      type: 'UniqueViolation',
      value:
        'duplicate key value violates unique constraint "orders_order_number_key"\nDETAIL:  Key (number)=(10442) already exists.',
      module: 'psycopg.errors',
      mechanism: { type: 'chained', handled: true },
      relation: 'cause',
      frames: [
        frame(
          '_execute',
          'django/db/backends/utils.py',
          105,
          false,
          [
            '            if params is None:',
            '                return self.cursor.execute(sql)',
            '            else:',
          ],
          '                return self.cursor.execute(sql, params)',
          [''],
        ),
        frame(
          'execute',
          'psycopg/cursor.py',
          97,
          false,
          ['            )', '        except e._NO_TRACEBACK as ex:'],
          '            raise ex.with_traceback(None)',
          ['        return self'],
        ),
      ],
    },
    {
      type: 'IntegrityError',
      value:
        'duplicate key value violates unique constraint "orders_order_number_key"\nDETAIL:  Key (number)=(10442) already exists.',
      module: 'django.db.utils',
      mechanism: { type: 'django', handled: false },
      relation: null,
      frames: [
        frame(
          'inner',
          'django/core/handlers/exception.py',
          42,
          false,
          ['        @wraps(get_response)', '        def inner(request):', '            try:'],
          '                response = get_response(request)',
          ['            except Exception as exc:'],
        ),
        frame(
          '_get_response',
          'django/core/handlers/base.py',
          253,
          false,
          ['', '            try:'],
          '                response = wrapped_callback(request, *callback_args, **callback_kwargs)',
          ['            except Exception as e:'],
        ),
        frame(
          'view',
          'django/views/generic/base.py',
          104,
          false,
          ['            self.setup(request, *args, **kwargs)'],
          '            return self.dispatch(request, *args, **kwargs)',
          [''],
        ),
        frame(
          'post',
          'shop/orders/views.py',
          88,
          true,
          [
            '    def post(self, request):',
            '        form = CheckoutForm(request.POST)',
            '        form.is_valid()',
          ],
          '        order = create_order(form.cleaned_data, user=request.user)',
          ['        return redirect(order)'],
          { request: "<WSGIRequest: POST '/checkout/'>", form: '<CheckoutForm bound=True, valid=True>' },
        ),
        frame(
          'create_order',
          'shop/orders/models.py',
          214,
          true,
          [
            'def create_order(data, *, user):',
            '    """Make an order with the next free number."""',
            '    number = next_number()',
            '    order = Order(number=number, user=user, total=total_of(data))',
            '    # Two workers may hold the same number here.',
          ],
          '    order.save(force_insert=True)',
          ['    for line in data["lines"]:', '        order.lines.create(**line)', '    return order'],
          {
            number: 10442,
            user: '<User: 88213>',
            data: { lines: [{ sku: 'BNDL-0042', quantity: 2 }], coupon: null },
            order: '<Order: 10442>',
            token: '[Filtered]',
            total: '118.40',
            coupon: 'None',
          },
        ),
        frame('save', 'django/db/models/base.py', 891, false, [''], '        self.save_base(', ['']),
        frame(
          'save_base',
          'django/db/models/base.py',
          997,
          false,
          [''],
          '            updated = self._save_table(',
          [''],
        ),
        frame(
          'execute',
          'django/db/backends/utils.py',
          122,
          false,
          [''],
          '        return self._execute_with_wrappers(',
          [''],
        ),
      ],
    },
  ],
}

const scriptStack = {
  exceptions: [
    {
      type: 'TypeError',
      value: "Cannot read properties of undefined (reading 'price')",
      mechanism: { type: 'onunhandledrejection', handled: false },
      relation: null,
      frames: [
        frame(
          'onSubmit',
          'src/checkout/pay.ts',
          57,
          true,
          ['  async function onSubmit(event: SubmitEvent) {', '    event.preventDefault()'],
          '    await applyBundle(cart, coupon)',
          ['  }'],
          undefined,
          5,
        ),
        frame(
          '?',
          'https://shop.test/assets/vendor.a1f77.js',
          1,
          false,
          [],
          'function e(t){return t.then(n=>r(n))}var a=1;',
          [],
          undefined,
          90211,
        ),
        frame(
          'applyBundle',
          'src/cart/useCart.ts',
          131,
          true,
          ['  const next = reduce(cart, bundle)'],
          '  return render(next)',
          [],
          undefined,
          9,
        ),
        ...Array.from({ length: 11 }, (_, index) =>
          frame(
            ['performWorkOnRoot', 'renderRootSync', 'workLoopSync', 'beginWork'][index % 4] ?? '',
            `node_modules/${index < 9 ? 'react-dom/cjs/react-dom-client.js' : 'scheduler/cjs/scheduler.js'}`,
            9000 + index * 37,
            false,
            [],
            '      workInProgress = next;',
            [],
          ),
        ),
        frame(
          'CartSummary.render',
          'src/cart/CartSummary.tsx',
          88,
          true,
          ['export function CartSummary({ items }: Props) {'],
          '  const total = formatTotal(items)',
          ['  return <output>{total}</output>'],
          undefined,
          17,
        ),
        frame(
          'formatTotal',
          'src/cart/lineItem.ts',
          42,
          true,
          [
            '// bundle items carry their own price list',
            "import { money } from '../lib/money'",
            '',
            'export function formatTotal(items: Item[]) {',
            '  let total = 0',
            '  for (const it of items) {',
          ].slice(1),
          '    total += it.product.price * it.qty',
          ['  }', '  return money(total)', '}'],
          { 'it.product': 'undefined', 'it.qty': 2, 'it.sku': '"BNDL-0042"', total: 118.4 },
          23,
        ),
      ],
    },
  ],
}

function frame(
  name: string,
  filename: string,
  lineno: number,
  in_app: boolean,
  pre: string[],
  line: string,
  post: string[],
  vars?: Record<string, unknown>,
  colno?: number,
) {
  const prefix = in_app
    ? '/srv/app/'
    : filename.startsWith('http') || filename.startsWith('node_modules')
      ? ''
      : '/usr/lib/python3.12/site-packages/'
  return {
    function: name,
    module: null,
    filename,
    abs_path: prefix + filename,
    lineno,
    colno: colno ?? null,
    in_app,
    in_app_reason: null,
    pre_context: pre,
    context_line: line,
    post_context: post,
    vars: vars ?? null,
    package: null,
  }
}

export class World {
  readonly projects: Project[] = []
  readonly groups: MockGroup[] = []
  readonly listeners = new Set<(batch: { slug: string }) => void>()
  private readonly notes: { group: number; entry: Schemas['Activity'] }[] = []
  private readonly flags = new Map<number, string>()
  private batch = 1

  addProject(name: string, slug: string, platform: string): Project {
    const key = hex(slug)
    const port = 8000
    const project: Project = {
      id: this.projects.length + 1,
      name,
      slug,
      platform,
      created_at: new Date().toISOString(),
      ingest_token: hex(`token ${slug}`),
      dsn: `http://${key}@localhost:${port}/${this.projects.length + 1}`,
      first_event_at: null,
      last_event_at: null,
      open_count: 0,
      event_count_24h: 0,
    }
    this.projects.push(project)
    return project
  }

  addGroup(project: Project, sketch: Sketch): MockGroup {
    const [type, value, culprit, level, count, , lastMinutes, firstDays, environments, flags = ''] = sketch
    const number = this.groups.filter(group => group.project === project.id).length + 1
    const prefix = project.slug.split('-').at(-1)?.toUpperCase() ?? 'P'
    const now = Date.now()
    const group: MockGroup = {
      id: 100 + this.groups.length,
      project: project.id,
      title: type ? `${type}: ${value.split('\n')[0]}` : value,
      level,
      count,
      first_seen: new Date(now - firstDays * day).toISOString(),
      last_seen: new Date(now - lastMinutes * minute).toISOString(),
      status: flags.includes('resolved') ? 'resolved' : flags.includes('ignored') ? 'ignored' : 'unresolved',
      resolved_at: null,
      assignee: flags.match(/assigned:(.*)$/)?.[1] ?? '',
      is_bookmarked: false,
      short_id: `${prefix}-${(number + 40).toString(16).toUpperCase()}`,
      stored_count: Math.min(count, 1191),
      type,
      value,
      culprit,
      platform: flags.includes('js') ? 'javascript' : 'python',
      handled: flags.includes('unhandled') ? false : flags.includes('handled') ? true : null,
      environments: environments.split(','),
      substatus: flags.includes('new') ? 'new' : flags.includes('regressed') ? 'regressed' : 'ongoing',
      first_release: '4.8.0',
      last_release: '4.8.1',
      hash_count: 1,
      grouping: 'v1',
    }
    this.flags.set(group.id, flags)
    this.groups.push(group)
    return group
  }

  nextBatch(): number {
    this.batch += 1
    return this.batch
  }

  /** One event lands: in the newest known issue, or as a new one. */
  happen(slug: string, kind: string) {
    const project = this.projects.find(each => each.slug === slug)
    if (!project) return
    const own = this.groups.filter(group => group.project === project.id)
    const fresh = kind === 'new' || own.length === 0
    const random = chance(`happen ${this.batch}`)
    const group = fresh
      ? this.addGroup(project, [
          'RuntimeError',
          `worker ${own.length} stopped unexpectedly`,
          'jobs.worker in run',
          'error',
          0,
          1,
          0,
          0,
          'production',
          'unhandled new',
        ])
      : own[Math.floor(random() * Math.min(own.length, 12))]
    if (!group) return
    group.count += 1
    group.stored_count += 1
    group.last_seen = new Date().toISOString()
    project.last_event_at = group.last_seen
    project.event_count_24h += 1
    const { id, short_id, count, last_seen, title, level } = group
    const told = {
      project: project.id,
      slug,
      events: 1,
      groups: [{ id, short_id, count, last_seen, title, level, kind: fresh ? 'new' : 'again' }],
      latest: [],
    }
    for (const listener of this.listeners) listener(told)
  }

  act(group: MockGroup, action: string): MockGroup {
    const statuses: Record<string, MockGroup['status']> = {
      resolve: 'resolved',
      unresolve: 'unresolved',
      ignore: 'ignored',
    }
    group.status = statuses[action] ?? group.status
    group.resolved_at = group.status === 'resolved' ? new Date().toISOString() : null
    group.substatus = group.status === 'unresolved' ? 'ongoing' : null
    this.note(group, group.status, {})
    return group
  }

  note(group: MockGroup, kind: Schemas['Activity']['kind'], data: Record<string, unknown>) {
    this.notes.unshift({
      group: group.id,
      entry: {
        id: `a${1000 + this.notes.length}`,
        kind,
        author: '',
        data,
        created_at: new Date().toISOString(),
      },
    })
  }

  activity(group: MockGroup): Schemas['Activity'][] {
    const at = (share: number) =>
      new Date(
        Date.parse(group.first_seen) + share * (Date.now() - Date.parse(group.first_seen)),
      ).toISOString()
    const made: Schemas['Activity'][] = [
      {
        id: 'a3',
        kind: 'comment',
        author: 'Jonas T.',
        data: { body: 'Looks like the price list 404 is not handled, see https://wiki.test/price-lists' },
        created_at: at(0.9),
      },
      {
        id: 'a2',
        kind: 'assigned',
        author: 'Mara K.',
        data: { assignee: group.assignee || 'Mara K.' },
        created_at: at(0.6),
      },
      { id: 'a1', kind: 'first_seen', author: '', data: { release: '4.8.0' }, created_at: group.first_seen },
    ]
    return [...this.notes.filter(note => note.group === group.id).map(note => note.entry), ...made]
  }

  stats(group: MockGroup) {
    const random = chance(`trend ${group.id}`)
    const isSpike = this.flags.get(group.id)?.includes('spike')
    const usual = isSpike ? 1 : Math.max(1, Math.round(Math.min(group.count, 4000) / 90))
    const trend = Array.from({ length: 24 }, (_, hourIndex) =>
      isSpike && hourIndex > 21
        ? 14 + Math.round(random() * 9)
        : group.substatus === 'new'
          ? 0
          : Math.round(usual * (0.5 + random()) * (1 + Math.sin(hourIndex / 4) / 2)),
    )
    const sketch = sketches.find(each => each[0] === group.type && each[1] === group.value)
    return { trend, users: sketch?.[5] ?? 0, count: trend.reduce((sum, each) => sum + each, 0) }
  }

  series(group: MockGroup, range: string) {
    const steps = { '24h': [96, hour / 4], '7d': [84, 2 * hour], '30d': [90, 8 * hour] } as Record<
      string,
      [number, number]
    >
    const [amount, step] = steps[range] ?? [96, hour / 4]
    const { trend } = this.stats(group)
    const start = Math.floor(Date.now() / step) * step - (amount - 1) * step
    return Array.from({ length: amount }, (_, index) => ({
      bucket: new Date(start + index * step).toISOString(),
      error: 0,
      warning: 0,
      info: 0,
      fatal: 0,
      debug: 0,
      [group.level]: trend[Math.floor((index / amount) * 24)] ?? 0,
    }))
  }

  tags(group: MockGroup): Schemas['TagShares'][] {
    const total = Math.min(group.count, 1191)
    const tag = (key: string, ...values: [string, number][]) => ({
      key,
      total,
      value_count: values.length,
      values: values.map(([value, share]) => ({ value, share, count: Math.round(total * share) })),
    })
    if (group.platform === 'python') {
      return [
        tag('release', ['4.8.1', 0.83], ['4.8.0', 0.17]),
        tag('environment', [group.environments[0] ?? '', 0.94], ['staging', 0.06]),
        tag('server_name', ['web-3', 0.37], ['web-1', 0.33], ['web-2', 0.3]),
        tag('runtime', ['CPython 3.12.8', 1]),
        tag('transaction', ['/checkout/', 0.999], ['/api/orders/', 0.001]),
      ]
    }
    return [
      tag('release', ['4.8.1', 0.83], ['4.8.0', 0.17]),
      tag('browser', ['Safari 19', 0.51], ['Chrome 156', 0.38], ['Firefox 160', 0.11]),
      tag('os', ['iOS 20', 0.47], ['macOS 17', 0.3], ['Windows', 0.23]),
      tag('environment', ['production', 0.99], ['staging', 0.01]),
      tag('url', ['/cart', 0.88], ['/checkout', 0.12]),
      tag('flag.bundle_price', ['true', 1]),
    ]
  }
}

const worldGroups = (world: World) => world.groups

export { worldGroups as allGroups }

export function makeWorld({ isEmpty = false, isStill = false } = {}): World {
  const world = new World()
  if (isEmpty) return world
  const web = world.addProject('Storefront web', 'storefront-web', 'javascript')
  const api = world.addProject('Orders API', 'orders-api', 'django')
  world.addProject('Warehouse scanner', 'warehouse-scanner', '')
  for (const sketch of sketches) world.addGroup(web, sketch)
  const random = chance('more')
  for (let index = 0; index < 130; index += 1) {
    const [type, value, culprit, level] = sketches[index % (sketches.length - 1)] ??
      sketches[0] ?? ['', '', '', 'error']
    world.addGroup(web, [
      type,
      `${value} (${index})`,
      culprit,
      level,
      1 + Math.floor(random() * 900),
      Math.floor(random() * 80),
      140 + index * 37,
      5 + random() * 60,
      'production',
      index % 9 === 4 ? 'resolved' : index % 23 === 7 ? 'ignored' : '',
    ])
  }
  for (const sketch of sketches.slice(3, 9)) world.addGroup(api, sketch)
  for (const project of [web, api]) {
    const own = world.groups.filter(group => group.project === project.id)
    project.open_count = own.filter(group => group.status === 'unresolved').length
    project.last_event_at = own[0]?.last_seen ?? null
    project.event_count_24h = project === web ? 13870 : 412
  }
  if (!isStill) {
    let ticks = 0
    setInterval(() => {
      ticks += 1
      world.happen('storefront-web', ticks % 9 === 0 ? 'new' : 'again')
    }, 2500).unref()
  }
  return world
}

export function detailOf(world: World, group: MockGroup, key: string): Record<string, unknown> | undefined {
  const stored = Math.min(group.stored_count, 1191)
  const ids = Array.from({ length: Math.min(stored, 40) }, (_, index) =>
    hex(`event ${group.id} ${stored - index}`),
  )
  const index = key === 'latest' ? 0 : key === 'first' ? ids.length - 1 : ids.indexOf(key)
  const id = ids[index]
  if (!id) return undefined
  const at = Date.parse(group.last_seen) - index * 11 * minute
  const timestamp = new Date(at).toISOString()
  const isHostile = world.projects.length > 0 && group.value.includes('onerror')
  const isScript = group.platform === 'javascript'
  const isMessage = !group.type
  const stack = structuredClone(isScript ? scriptStack : pythonStack) as {
    exceptions: Record<string, unknown>[]
  }
  const last = stack.exceptions.at(-1)
  if (last)
    Object.assign(last, {
      type: group.type,
      value: group.value,
      module: isScript || group.type !== 'IntegrityError' ? null : 'django.db.utils',
    })
  if (group.type !== 'IntegrityError' && !isScript) stack.exceptions.splice(0, 1)
  const crumb = (
    before: number,
    category: string,
    message: string,
    data: Record<string, unknown> | null = null,
    level = 'info',
    type = 'default',
  ) => ({ timestamp: new Date(at - before * 1000).toISOString(), type, category, message, level, data })
  const crumbs = isScript
    ? [
        ...Array.from({ length: 18 }, (_, step) =>
          crumb(
            190 - step * 8,
            step % 3 ? 'ui.click' : 'fetch',
            step % 3 ? `button[data-step="${step}"]` : '',
            step % 3
              ? null
              : {
                  method: 'GET',
                  url: `/api/catalogue?page=${step}`,
                  status_code: 200,
                  duration_ms: 40 + step,
                },
            'info',
            step % 3 ? 'default' : 'http',
          ),
        ),
        crumb(41.2, 'navigation', '', { from: '/product/bundle-0042', to: '/cart' }),
        crumb(12.8, 'ui.click', 'button[data-test="add-bundle"]'),
        crumb(
          12.3,
          'fetch',
          '',
          { method: 'POST', url: '/api/cart/items', status_code: 201, duration_ms: 184 },
          'info',
          'http',
        ),
        crumb(3.1, 'console.warn', 'bundle_price: price list missing for BNDL-0042', null, 'warning'),
        crumb(
          0.4,
          'fetch',
          '',
          { method: 'GET', url: '/api/price-lists/BNDL-0042', status_code: 404, duration_ms: 61 },
          'error',
          'http',
        ),
        crumb(0.1, 'ui.click', 'button#checkout'),
      ]
    : [
        crumb(
          1.9,
          'query',
          'SELECT "shop_cart"."id", "shop_cart"."user_id" FROM "shop_cart" WHERE "shop_cart"."user_id" = %s LIMIT 21',
          { db: 'default' },
          'info',
          'query',
        ),
        crumb(
          1.2,
          'httplib',
          '',
          { method: 'POST', url: 'https://tax.example/api/quote', status_code: 200, duration: 310 },
          'info',
          'http',
        ),
        crumb(0.3, 'orders', 'Number 10442 taken from the sequence', { worker: 'web-3' }),
        crumb(
          0.02,
          'query',
          'INSERT INTO "orders_order" ("number", "user_id", "total") VALUES (%s, %s, %s)',
          { db: 'default' },
          'info',
          'query',
        ),
      ]
  const hostile = '<svg onload=alert(1)>\u202e\u0000 javascript:alert(1)'
  const environment = group.environments[0] ?? ''
  return {
    id,
    event_id: id,
    project: group.project,
    group: group.id,
    message: group.value,
    level: group.level,
    received_at: new Date(at + 1400).toISOString(),
    timestamp,
    release: 1,
    environment,
    tags: [],
    stack: null,
    symbolicated: {},
    payload: {
      event_id: id,
      platform: group.platform,
      exception: { values: [{ type: group.type, value: group.value }] },
      level: group.level,
    },
    title: group.title,
    culprit: group.culprit,
    type: group.type,
    platform: group.platform,
    dist: null,
    release_version: '4.8.1',
    transaction: '/checkout/',
    trace_id: hex('trace'),
    body_is_kept: true,
    handled: group.handled,
    tag_list: [
      { key: 'level', value: group.level },
      { key: 'release', value: '4.8.1' },
      { key: 'environment', value: environment },
      { key: 'server_name', value: 'web-3' },
      ...(isScript
        ? [
            { key: 'browser', value: 'Mobile Safari 19.1' },
            { key: 'url', value: 'https://shop.test/cart?ref=mail' },
          ]
        : [
            { key: 'runtime', value: 'CPython 3.12.8' },
            { key: 'transaction', value: '/checkout/' },
          ]),
      ...(isHostile ? Array.from({ length: 400 }, (_, n) => ({ key: `t${n}`, value: hostile })) : []),
      { key: 'tenant', value: 'north' },
    ],
    user: {
      id: '88213',
      username: isHostile ? hostile : null,
      email: 'customer@mail.test',
      ip_address: '203.0.113.9',
    },
    normalized: {
      exceptions: isMessage
        ? []
        : isHostile
          ? [
              {
                ...stack.exceptions.at(-1),
                frames: Array.from({ length: 300 }, (_, n) =>
                  frame(hostile, `${hostile}/${n}.py`, n, n % 7 === 0, [hostile], hostile, [hostile], {
                    x: hostile,
                  }),
                ),
              },
            ]
          : stack.exceptions,
      threads:
        group.type === 'OutOfMemoryError'
          ? [
              { id: 1, name: 'MainThread', crashed: true, current: true, frames: [] },
              {
                id: 2,
                name: 'worker-1',
                crashed: false,
                current: false,
                frames: [
                  frame(
                    'run',
                    'workers/pool.py',
                    33,
                    true,
                    ['    def run(self):', '        while True:'],
                    '            job = self.queue.get()',
                    [],
                  ),
                  frame('get', 'queue.py', 171, false, [], '            self.not_empty.wait()', []),
                ],
              },
            ]
          : [],
      stacktrace: null,
      message: isMessage
        ? { formatted: group.value, template: 'Deprecated currency code "%s" in price feed', params: ['BYR'] }
        : null,
      breadcrumbs: crumbs,
      request: isScript
        ? {
            method: 'GET',
            url: 'https://shop.test/cart?ref=mail',
            query_string: [['ref', 'mail']],
            data: null,
            cookies: [],
            headers: [
              [
                'User-Agent',
                'Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/620 Mobile/15E148',
              ],
              ['Referer', 'https://shop.test/product/bundle-0042'],
            ],
            env: null,
          }
        : {
            method: 'POST',
            url: 'https://shop.test/checkout/',
            query_string: [],
            data: { sku: 'BNDL-0042', quantity: '2', card_number: '[Filtered]' },
            cookies: [['sessionid', '[Filtered]']],
            headers: [
              ['Content-Type', 'application/x-www-form-urlencoded'],
              ['Host', 'shop.test'],
              ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:160.0) Gecko/20100101 Firefox/160.0'],
            ],
            env: { SERVER_NAME: 'web-3', SERVER_PORT: '443' },
          },
      contexts: isScript
        ? {
            browser: { name: 'Mobile Safari', version: '19.1' },
            os: { name: 'iOS', version: '20.0' },
            device: { family: 'iPhone', model: 'iPhone 18' },
            trace: { trace_id: hex('trace'), span_id: hex('span').slice(0, 16) },
            cart: { items: 3, currency: 'EUR', coupon: null },
          }
        : {
            runtime: { name: 'CPython', version: '3.12.8', build: '3.12.8 (main, Dec  4 2026)' },
            trace: { trace_id: hex('trace'), op: 'http.server' },
          },
      extra: {
        'sys.argv': ['manage.py', 'runserver'],
        order: { id: 10442, lines: [{ sku: 'BNDL-0042', quantity: 2 }], note: hostile },
      },
      modules: isScript
        ? {}
        : Object.fromEntries(
            [
              'asgiref 3.9.1',
              'django 5.2.9',
              'psycopg 3.3.1',
              'sentry-sdk 2.48.0',
              'sqlparse 0.5.4',
              'urllib3 2.6.0',
            ].map(each => each.split(' ')),
          ),
      sdk: isScript
        ? { name: 'sentry.javascript.react', version: '10.9.0' }
        : { name: 'sentry.python.django', version: '2.48.0' },
      errors: isHostile ? [{ type: 'invalid_data', name: 'tags.t1', value: hostile }] : [],
    },
    grouping: {
      config: 'v1',
      hashes: [{ hash: hex(`hash ${group.id}`), variant: 'app' }],
      explanation: [
        {
          component: 'exception',
          value: null,
          contributes: true,
          reason: null,
          children: [
            {
              component: 'stacktrace',
              value: null,
              contributes: true,
              reason: null,
              children: [
                {
                  component: 'frame',
                  value: 'orders.models create_order order.save(force_insert=True)',
                  contributes: true,
                  reason: null,
                },
                {
                  component: 'frame',
                  value: 'django.db.models.base save',
                  contributes: false,
                  reason: 'not in-app',
                },
              ],
            },
            { component: 'type', value: group.type, contributes: true, reason: null },
            { component: 'value', value: group.value, contributes: false, reason: 'the stack trace decides' },
          ],
        },
      ],
    },
    neighbours: {
      previous: ids[index + 1] ?? null,
      next: ids[index - 1] ?? null,
      first: ids.at(-1),
      latest: ids[0],
    },
    position: ids.length - index,
    stored: ids.length,
    counted: group.count,
  }
}
