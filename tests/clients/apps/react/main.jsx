import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Checkout } from './checkout.jsx'

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <Checkout items={[{ sku: 'A-1', price: 10, quantity: 2 }]} />
  </StrictMode>,
)
