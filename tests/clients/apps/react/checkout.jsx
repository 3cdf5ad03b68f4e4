import { useState } from 'react'
import { cartTotal } from './cart.js'

export function Checkout({ items }) {
  const [code, setCode] = useState('')
  // The total is worked out anew with each letter of the code.
  const total = cartTotal(items, code)
  return (
    <form onSubmit={(submitted) => submitted.preventDefault()}>
      <label>
        Discount <input value={code} onChange={(changed) => setCode(changed.target.value)} />
      </label>
      <output>{total}</output>
    </form>
  )
}
