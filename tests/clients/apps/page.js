// A shop's page that reports with the official browser SDK. Its address says where to and what happens:
// `?dsn=…&happens=thrown|rejected|message|caught`.
import * as Sentry from '@sentry/browser'

const asked = new URLSearchParams(location.search)

Sentry.init({
  dsn: asked.get('dsn'),
  release: 'shop-web@3.1.0',
  environment: 'staging',
  initialScope: { tags: { 'checkout.step': 'payment' }, user: { id: '4711' } },
})

function totalOf(cart) {
  return cart.lines.length
}

async function loadPrices() {
  await Promise.resolve()
  throw new RangeError('no prices for lyon')
}

const happenings = {
  // Outside of what the SDK wraps (timers and the like), so that it arrives as an error of the window.
  thrown: () => queueMicrotask(() => totalOf({})),
  rejected: () => void loadPrices(),
  message: () => Sentry.captureMessage('the cart was restored', 'warning'),
  caught: () => {
    try {
      totalOf({})
    } catch (error) {
      Sentry.captureException(error)
    }
  },
}

happenings[asked.get('happens')]()
const isSent = await Sentry.flush(10_000)
document.title = isSent ? 'sent' : 'not sent'
