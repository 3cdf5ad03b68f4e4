// @vitest-environment jsdom
import { expect, it } from 'vitest'
import { remember } from '@/lib/storage'
import { stackView } from './stack-view'

it('a stack is shown as the address says, else as chosen last, else newest first in its original source', () => {
  expect(stackView({}, 'python')).toEqual({ frames: 'app', order: 'newest', source: 'original' })
  remember('stack.order.python', 'oldest')
  remember('stack.source', 'minified')
  expect(stackView({}, 'python')).toEqual({ frames: 'app', order: 'oldest', source: 'minified' })
  expect(stackView({}, 'node').order).toBe('newest')
  expect(stackView({ src: 'original', order: 'newest', frames: 'all' }, 'python')).toEqual({
    frames: 'all',
    order: 'newest',
    source: 'original',
  })
})

it('what is kept but not known is as good as nothing', () => {
  remember('stack.frames', 'sideways')
  expect(stackView({}, 'python').frames).toBe('app')
})
