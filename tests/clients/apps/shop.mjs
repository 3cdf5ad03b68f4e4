// A small shop that reports with the official Node SDK: `shop.mjs <dsn> <what happens>`.
import { subscribe } from 'node:diagnostics_channel'
import * as Sentry from '@sentry/node'

const [, , dsn, happening] = process.argv

Sentry.init({
  dsn,
  release: 'shop-api@2.0.1',
  environment: 'staging',
  initialScope: { tags: { 'checkout.step': 'payment' }, user: { id: 4711, username: 'grace' } },
})

// How each request was sent, for whoever started this.
subscribe('http.client.request.start', ({ request }) => {
  console.log(request.getHeader('content-encoding') ?? 'plain', request.getHeader('content-length') ?? 'chunked')
})

class PaymentError extends Error {
  name = 'PaymentError'
}

function charge(order) {
  return order.card.number
}

async function ship(order) {
  await Promise.resolve()
  throw new RangeError(`no carrier for order ${order}`)
}

const happenings = {
  uncaught: () => charge({}),
  rejected: () => {
    ship(10442)
  },
  caused: () => {
    try {
      try {
        charge({})
      } catch (cause) {
        throw new PaymentError('could not charge order 10442', { cause })
      }
    } catch (error) {
      Sentry.captureException(error)
    }
  },
  message: () => {
    Sentry.captureMessage('the stock was counted', 'info')
  },
  // Above 32 KiB the SDK compresses, and sends the body in chunks without saying how long it is.
  large: () => {
    Sentry.captureException(new Error('a large cart'), {
      extra: { items: Array.from({ length: 400 }, (_, number) => `item ${number} ${'tea '.repeat(40)}`) },
    })
  },
}

happenings[happening]()
// An uncaught error ends the process before it gets here, and after the SDK has sent it.
if (happening !== 'rejected') await Sentry.flush(10_000)
